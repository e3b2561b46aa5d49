package check

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// The rules about what was seen from outside.

func acknowledgedPresent(b *book) (all []Violation) {
	for _, ack := range b.Acks {
		if ack.Position < 1 || ack.Position > int64(len(b.entries)) {
			all = append(all, Violation{Run: ack.Run, Detail: "the API answered " + ack.Type + " at a position that the log does not have"})
			continue
		}
		at := b.entries[ack.Position-1]
		if ack.Type == "" {
			continue
		}
		if at.Recorded.Type != ack.Type || ack.Run != uuid.Nil && at.Recorded.Stream != domain.RunStream(ack.Run) {
			all = append(all, Violation{Position: ack.Position, Run: ack.Run, Detail: "the API answered " + ack.Type + "; there stands " + at.Recorded.Type + " of " + at.Recorded.Stream})
		}
	}
	return all
}

func postedOnce(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		if n := len(b.posts[s.id]); n > 1 {
			return one(0, "POSTed %d times, by lives %d and %d", n, b.posts[s.id][0].Life, b.posts[s.id][1].Life)
		}
		return nil
	})
}

func postedIsLogged(b *book) (all []Violation) {
	for _, p := range b.Posts {
		s := b.runs[p.Run]
		switch {
		case s == nil || len(s.starts) == 0:
			all = append(all, Violation{Run: p.Run, Detail: "POSTed to " + p.Scraper + ", and the log does not know it"})
		case s.starts[0].RecordedAt.After(p.At):
			all = append(all, Violation{Run: p.Run, Position: s.starts[0].Position, Detail: "POSTed before it was recorded"})
		}
	}
	return all
}

// noFall: a process may give up when its database goes away while it starts,
// and never once it was ready.
func noFall(b *book) (all []Violation) {
	for i, life := range b.Lives {
		excused := life.Ready.IsZero() && slices.ContainsFunc(b.Outages, func(o Span) bool { return o.From.Before(life.Ended) && o.To.After(life.Began) })
		if life.Fell != "" && !excused {
			all = append(all, one(0, "life %d: %s", i, life.Fell)...)
		}
	}
	return all
}

// oneLifePerInstance: the instance that follows a run is the one in the log.
func oneLifePerInstance(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		for _, p := range b.posts[s.id] {
			if life, known := b.lives[s.started().Instance]; known && life != p.Life {
				return one(s.starts[0].Position, "names an instance of life %d and was POSTed by life %d", life, p.Life)
			}
		}
		return nil
	})
}

const (
	// deadAfter is how old the last beat of an instance without its lock must be
	// for others to take it for dead.
	deadAfter = 4 * time.Second
	// sweepEvery is how often an instance looks for dead ones, and sweepTakes how
	// long that may take.
	sweepEvery, sweepTakes = 2 * time.Second, time.Second
	// trustsAfter is how long an instance gives others to say that they live, when it
	// starts and cannot know whether the database was away from them.
	trustsAfter = 2 * sweepEvery
)

// noOrphans: a live instance ends the runs of the dead. Where one process serves a
// database it does so before it says that it is ready.
func noOrphans(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		i, known := b.lives[s.started().Instance]
		if !known || b.Lives[i].Ended.IsZero() {
			return nil
		}
		end, ended := s.end()
		for j, other := range b.Lives {
			due, must := b.sweptBy(b.Lives[i].Ended, other)
			if j != i && must && (!ended || end.RecordedAt.After(due)) {
				return one(end.Position, "life %d, which followed it, has ended; life %d should have ended the run by %s", i, j, due.Format(time.StampMilli))
			}
		}
		return nil
	})
}

// sweptBy is when a process must have ended the runs of one that died, if it
// lived long enough.
func (b *book) sweptBy(died time.Time, other Life) (due time.Time, must bool) {
	if !b.Shared {
		return other.Ready, other.Began.After(died) && !other.Ready.IsZero()
	}
	from := died.Add(deadAfter + sweepEvery)
	if trusts := other.Began.Add(trustsAfter); trusts.After(from) {
		from = trusts
	}
	patience := max(sweepTakes, b.Bound)
	if !other.alive(from, from.Add(patience)) { // of thousands of lives nearly all
		return from, false
	}
	due = b.allowed(from, patience)
	return due, other.alive(from, due)
}

// noFalseDeath: only a dead instance's runs are ended as instance_lost, only a
// stopping one's as instance_stopped.
func noFalseDeath(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		lost, end, ok := s.lost()
		life, known := b.follower(s)
		if !ok || !known {
			return nil
		}
		switch {
		case lost.Cause == domain.CauseInstanceLost && (life.Ended.IsZero() || life.Ended.After(end.RecordedAt)):
			return one(end.Position, "ended as instance_lost while its instance lived")
		case lost.Cause == domain.CauseInstanceStop && (life.Asked.IsZero() || life.Asked.After(end.RecordedAt)):
			return one(end.Position, "ended as instance_stopped, but its instance was not asked to stop")
		}
		return nil
	})
}

// nothingMadeUp: success and the scraper's own failures are what it said, word
// for word, however its instance fared.
func nothingMadeUp(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		end, ended := s.end()
		if !ended {
			return nil
		}
		said := b.said(s.id)
		switch e := end.Event.(type) {
		case domain.RunCompleted:
			if said.Ending != Completed || said.Items != e.Items {
				return one(end.Position, "completed with %d items; the scraper's end was %q with %d", e.Items, said.Ending, said.Items)
			}
		case domain.RunFailed:
			if !agrees(said, e) {
				return one(end.Position, "failed as %s (%s); the scraper's end was %q %s", e.Code, e.Detail, said.Ending, said.Reason)
			}
		case domain.RunCancelled:
			if !b.Cancels[s.id] {
				return one(end.Position, "cancelled without a request")
			}
		}
		return nil
	})
}

func agrees(said Post, e domain.RunFailed) bool {
	switch e.Code {
	case domain.CodeScraperError:
		return said.Ending == Failed && said.Reason == e.Detail
	case domain.CodeRejected:
		return said.Ending == Rejected
	}
	return false
}

// said is what the scraper of a run did last; the zero Post when it was never
// asked.
func (b *book) said(run uuid.UUID) Post {
	if posts := b.posts[run]; len(posts) > 0 {
		return posts[0]
	}
	return Post{}
}

// noFalseLoss: a scraper that did nothing wrong has lost nothing.
func noFalseLoss(b *book) []Violation {
	return b.each(func(s *story) []Violation {
		lost, end, ok := s.lost()
		if !ok || len(s.starts) == 0 || lost.Cause == domain.CauseInstanceLost || lost.Cause == domain.CauseInstanceStop {
			return nil
		}
		said := b.said(s.id)
		if lost.Cause == domain.CauseIdleTimeout {
			if quiet := lost.At.Sub(said.EndedAt); said.Ending != Silent || quiet < b.Scrapers[lost.Scraper].Idle {
				return one(end.Position, "ended as idle_timeout; the scraper's end was %q, %s before", said.Ending, late(quiet))
			}
			return nil
		}
		if b.down(lost.Scraper, s.starts[0].RecordedAt, lost.At) {
			return nil
		}
		if !lossy(said.Ending, lost) {
			return one(end.Position, "lost (%s, %s: %s); the scraper's end was %q", lost.Phase, lost.Cause, lost.Detail, said.Ending)
		}
		return nil
	})
}

func (b *book) down(scraper string, from, to time.Time) bool {
	for _, down := range b.Scrapers[scraper].Downs {
		if down.From.Before(to) && (down.To.IsZero() || down.To.After(from)) {
			return true
		}
	}
	return false
}

// lossy reports whether a loss is what a scraper's end looks like.
func lossy(e Ending, lost domain.ConnectionLost) bool {
	switch e {
	case Gateway:
		return lost.Cause == domain.CauseGateway
	case Closed:
		return lost.Cause == domain.CauseEOF || lost.Cause == domain.CauseReset
	case Clean:
		return lost.Cause == domain.CauseEOF && lost.Phase == domain.PhaseStreaming
	case Truncated:
		return lost.Cause == domain.CauseTruncated
	case Reset:
		return lost.Cause == domain.CauseReset
	}
	return false
}

// silencePatience is how much longer than idle_timeout a silent stream may last.
const silencePatience = 500 * time.Millisecond

// faithful: what a scraper said or did is in the log, in time, unless the
// process that heard it did not live to tell.
func faithful(b *book) (all []Violation) {
	for _, p := range b.Posts {
		s := b.runs[p.Run]
		if s == nil || p.Ending == StillOpen || p.Ending == ClientLeft || p.Life < 0 || p.Life >= len(b.Lives) {
			continue
		}
		patience := b.Bound
		if p.Ending == Silent {
			patience = b.Scrapers[p.Scraper].Idle + max(silencePatience, b.Bound)
		}
		deadline := b.allowed(p.EndedAt, patience)
		if !b.Lives[p.Life].alive(p.At, deadline) {
			continue
		}
		for _, v := range b.untold(s, p, deadline) {
			v.Run = p.Run
			all = append(all, v)
		}
	}
	return all
}

func (b *book) untold(s *story, p Post, deadline time.Time) []Violation {
	end, ended := s.end()
	if !ended {
		return one(0, "the scraper's end was %q, and the log has none", p.Ending)
	}
	if end.RecordedAt.After(deadline) {
		return one(end.Position, "the scraper's end was %q; it is in the log after %s", p.Ending, late(end.RecordedAt.Sub(p.EndedAt)))
	}
	switch e := end.Event.(type) {
	case domain.RunCancelled:
		return nil
	case domain.RunCompleted:
		if p.Ending == Completed {
			return nil
		}
	case domain.RunFailed:
		if p.Ending == Failed || p.Ending == Rejected {
			return nil
		}
	case domain.ConnectionLost:
		if p.Ending == Silent && e.Cause == domain.CauseIdleTimeout || lossy(p.Ending, e) {
			return nil
		}
	}
	return one(end.Position, "the scraper's end was %q; the log says %s", p.Ending, end.Recorded.Type)
}
