package check

import (
	"fmt"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// The rules that the log alone can break.

func positionsGapFree(b *book) (all []Violation) {
	for i, e := range b.entries {
		if e.Position != int64(i)+1 {
			return one(e.Position, "position %d comes where %d belongs", e.Position, i+1)
		}
	}
	return nil
}

func versionsGapFree(b *book) (all []Violation) {
	at := map[string]int64{}
	for _, e := range b.entries {
		at[e.Recorded.Stream]++
		if e.Version != at[e.Recorded.Stream] {
			all = append(all, one(e.Position, "version %d of %s comes where %d belongs", e.Version, e.Recorded.Stream, at[e.Recorded.Stream])...)
			at[e.Recorded.Stream] = e.Version
		}
	}
	return all
}

func idsUnique(b *book) (all []Violation) {
	first := map[uuid.UUID]int64{}
	for _, e := range b.entries {
		if at, known := first[e.Recorded.ID]; known {
			all = append(all, one(e.Position, "event id %s stands at position %d already", e.Recorded.ID, at)...)
			continue
		}
		first[e.Recorded.ID] = e.Position
	}
	return all
}

func startsOnce(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		if len(s.starts) == 1 {
			return nil
		}
		return one(0, "started %d times", len(s.starts))
	})
}

func endsOnce(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		switch {
		case len(s.ends) > 1:
			return one(s.ends[1].Position, "ended as %s and again as %s", s.ends[0].Recorded.Type, s.ends[1].Recorded.Type)
		case len(s.ends) == 0 && b.Final:
			return one(0, "never ended")
		}
		return nil
	})
}

func nothingAfterEnd(b *book) (all []Violation) {
	ended := map[uuid.UUID]int64{}
	for _, e := range b.entries {
		switch event := e.Event.(type) {
		case domain.ConnectionRestored:
		case domain.RunStarted:
			if at := ended[event.RunID]; at > 0 {
				all = append(all, Violation{Position: e.Position, Run: event.RunID, Detail: fmt.Sprintf("started after its end at %d", at)})
			}
		default:
			if id, ends := endOf(event); ends && ended[id] == 0 {
				ended[id] = e.Position
			}
		}
	}
	return all
}

func restoredOnce(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		if len(s.restored) == 0 {
			return nil
		}
		_, end, lost := s.lost()
		switch {
		case !lost || end.Position > s.restored[0].Position:
			return one(s.restored[0].Position, "restored, and was not lost before")
		case len(s.restored) > 1:
			return one(s.restored[1].Position, "restored %d times", len(s.restored))
		}
		return nil
	})
}

// lostSettled: what was superseded needs no return.
func lostSettled(b *book) []Violation {
	if !b.Final {
		return nil
	}
	return b.each(func(s *story) []Violation {
		lost, end, ok := s.lost()
		if !ok || len(s.restored) > 0 || b.superseded(s, lost.Scraper) {
			return nil
		}
		return one(end.Position, "lost (%s), neither restored nor superseded", lost.Cause)
	})
}

func (b *book) superseded(s *story, scraper string) bool {
	started := b.asked[scraper]
	return len(started) > 0 && started[len(started)-1] != s.id
}

// restoredAnswered: the end of a pause may answer once more, for what the pause
// had held back.
func restoredAnswered(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		var direct, runs int
		for _, e := range b.answers[s.id] {
			if !b.causedByResume(e) {
				direct++
			}
			if e.Recorded.Type == (domain.RunStarted{}).EventType() {
				runs++
			}
		}
		switch {
		case runs > 1:
			return one(b.answers[s.id][1].Position, "recovered by %d runs", runs)
		case direct > 1:
			return one(b.answers[s.id][1].Position, "answered %d times", direct)
		case len(s.restored) == 0 && len(b.answers[s.id]) > 0:
			return one(b.answers[s.id][0].Position, "recovered, and its connection was not restored")
		case len(s.restored) > 0 && direct > 0 && b.answers[s.id][0].Position < s.restored[0].Position:
			return one(b.answers[s.id][0].Position, "recovered before its connection was restored")
		case len(s.restored) > 0 && direct == 0 && b.Final:
			return one(s.restored[0].Position, "restored, and nothing followed")
		}
		return nil
	})
}

func (b *book) causedByResume(e entry) bool {
	cause, err := uuid.Parse(e.Metadata["causation_id"])
	if err != nil {
		return false
	}
	_, resumed := b.byID[cause].Event.(domain.ScraperResumed)
	return resumed
}

// recoveryIDs: an id that does not follow from the cause lets a second delivery
// start a second run.
func recoveryIDs(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		started := s.started()
		if started.Trigger != domain.TriggerRecovery {
			return nil
		}
		cause, err := uuid.Parse(s.starts[0].Metadata["causation_id"])
		event, known := b.byID[cause]
		if err != nil || !known {
			return one(s.starts[0].Position, "recovers %s because of %q, which is not in the log", started.Recovers, s.starts[0].Metadata["causation_id"])
		}
		for _, c := range domain.Rescrape(event.Event, cause) {
			if start, ok := c.(domain.StartScrape); ok && start.RunID == s.id {
				return nil
			}
		}
		return one(s.starts[0].Position, "its id does not follow from event %s (%s)", cause, event.Recorded.Type)
	})
}

func oneOpenRun(b *book) (all []Violation) {
	open := map[string]uuid.UUID{}
	for _, e := range b.entries {
		if started, ok := e.Event.(domain.RunStarted); ok {
			if other := open[started.Scraper]; other != uuid.Nil && other != started.RunID {
				all = append(all, Violation{Position: e.Position, Run: started.RunID, Detail: fmt.Sprintf("started while run %s of %s is open", other, started.Scraper)})
			}
			open[started.Scraper] = started.RunID
		}
		if id, ends := endOf(e.Event); ends && open[e.ScraperName()] == id {
			delete(open, e.ScraperName())
		}
	}
	return all
}

// overdueOnce: a report ends the count; a success, another expectation or the end of a
// pause begins the next one.
func overdueOnce(b *book) (all []Violation) {
	type count struct {
		within  domain.Duration
		running bool
	}
	counts := map[string]count{}
	for _, e := range b.entries {
		c := counts[e.ScraperName()]
		switch event := e.Event.(type) {
		case domain.ScraperConfigured:
			if within := event.Config.Expect.SuccessWithin; within != c.within {
				c = count{within, true}
			}
		case domain.ScraperResumed:
			c.running = true
		case domain.RunCompleted:
			c.running = c.running || event.MinItems == 0
		case domain.ScraperPaused:
			c.running = false
		case domain.ScraperRemoved:
			c = count{}
		case domain.ScraperOverdue:
			switch {
			case !c.running || c.within == 0:
				all = append(all, one(e.Position, "%s is overdue, and no success was waited for", event.Scraper)...)
			case event.Within != c.within:
				all = append(all, one(e.Position, "%s is overdue after %s, and had %s", event.Scraper, event.Within, c.within)...)
			}
			c.running = false
		}
		counts[e.ScraperName()] = c
	}
	return all
}
