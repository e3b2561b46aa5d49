package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// book is the log by run, beside the observations.
type book struct {
	Seen
	entries []entry
	runs    map[uuid.UUID]*story
	order   []uuid.UUID
	posts   map[uuid.UUID][]Post
	lives   map[string]int         // by instance id
	byID    map[uuid.UUID]entry    // by event id
	answers map[uuid.UUID][]entry  // to a restored connection, by the lost run
	asked   map[string][]uuid.UUID // runs by scraper, in the order of their start
	still   []Span                 // when the machine or the database stood still, in order
}

// entry is an event of the log, decoded.
type entry struct {
	eventstore.Recorded
	domain.Event
}

// story is what the log says of one run.
type story struct {
	id       uuid.UUID
	starts   []entry
	ends     []entry
	restored []entry
}

func (s *story) started() domain.RunStarted {
	if len(s.starts) == 0 {
		return domain.RunStarted{}
	}
	return s.starts[0].Event.(domain.RunStarted)
}

func newBook(log []eventstore.Recorded, seen Seen) (*book, error) {
	b := &book{
		Seen: seen, runs: map[uuid.UUID]*story{}, posts: map[uuid.UUID][]Post{}, lives: map[string]int{},
		byID: map[uuid.UUID]entry{}, answers: map[uuid.UUID][]entry{}, asked: map[string][]uuid.UUID{},
	}
	for _, r := range log {
		e, err := r.Event()
		if err != nil {
			return nil, fmt.Errorf("position %d: %w", r.Position, err)
		}
		if e == nil {
			return nil, fmt.Errorf("position %d: %s is unknown", r.Position, r.Type)
		}
		b.add(entry{r, e})
	}
	for _, p := range seen.Posts {
		b.posts[p.Run] = append(b.posts[p.Run], p)
	}
	b.knowLives()
	b.still = slices.SortedFunc(slices.Values(slices.Concat(seen.Stalls, seen.Outages)), func(a, b Span) int { return a.From.Compare(b.From) })
	return b, nil
}

// allowed is until when something that is due at t may come: machines and
// databases that stand still push it on.
func (b *book) allowed(t time.Time, patience time.Duration) time.Time {
	deadline := t.Add(patience)
	for _, s := range b.still {
		from := s.From
		if from.After(deadline) {
			break
		}
		if from.Before(t) {
			from = t
		}
		if from.Before(deadline) && s.To.After(from) {
			deadline = deadline.Add(s.To.Sub(from))
		}
	}
	return deadline
}

func (b *book) add(e entry) {
	b.entries = append(b.entries, e)
	b.byID[e.Recorded.ID] = e
	switch event := e.Event.(type) {
	case domain.RunStarted:
		s := b.story(event.RunID)
		s.starts = append(s.starts, e)
		b.asked[event.Scraper] = append(b.asked[event.Scraper], event.RunID)
		if event.Recovers != uuid.Nil {
			b.answers[event.Recovers] = append(b.answers[event.Recovers], e)
		}
	case domain.ScrapeSkipped:
		if event.Recovers != uuid.Nil {
			b.answers[event.Recovers] = append(b.answers[event.Recovers], e)
		}
	case domain.ConnectionRestored:
		s := b.story(event.RunID)
		s.restored = append(s.restored, e)
	default:
		if id, ends := endOf(event); ends {
			s := b.story(id)
			s.ends = append(s.ends, e)
		}
	}
}

// endOf returns the run that an event ends, if it ends one.
func endOf(e domain.Event) (uuid.UUID, bool) {
	switch e.(type) {
	case domain.ConnectionLost, domain.RunCompleted, domain.RunFailed, domain.RunCancelled:
		return e.Run(), true
	}
	return uuid.Nil, false
}

func (b *book) story(id uuid.UUID) *story {
	if b.runs[id] == nil {
		b.runs[id] = &story{id: id}
		b.order = append(b.order, id)
	}
	return b.runs[id]
}

// knowLives learns which process went by which instance id: from what it said
// itself, and from who POSTed the runs that name the id.
func (b *book) knowLives() {
	for i, life := range b.Lives {
		for _, id := range life.Instances {
			b.lives[id] = i
		}
	}
	for _, id := range b.order {
		if instance := b.runs[id].started().Instance; instance != "" {
			for _, p := range b.posts[id] {
				if _, known := b.lives[instance]; !known {
					b.lives[instance] = p.Life
				}
			}
		}
	}
}

// follower is the process that follows a run, if it is known.
func (b *book) follower(s *story) (Life, bool) {
	i, known := b.lives[s.started().Instance]
	if !known || i < 0 || i >= len(b.Lives) {
		return Life{}, false
	}
	return b.Lives[i], true
}

// end is the first end of a run, which stands.
func (s *story) end() (entry, bool) {
	if len(s.ends) == 0 {
		return entry{}, false
	}
	return s.ends[0], true
}

// lost is the loss that ended the run, if one did.
func (s *story) lost() (domain.ConnectionLost, entry, bool) {
	e, ended := s.end()
	if !ended {
		return domain.ConnectionLost{}, e, false
	}
	lost, ok := e.Event.(domain.ConnectionLost)
	return lost, e, ok
}

// each collects what find says of every run, in the order in which they appear.
func (b *book) each(find func(*story) []Violation) (all []Violation) {
	for _, id := range b.order {
		for _, v := range find(b.runs[id]) {
			v.Run = id
			all = append(all, v)
		}
	}
	return all
}

func one(position int64, format string, args ...any) []Violation {
	return []Violation{{Position: position, Detail: fmt.Sprintf(format, args...)}}
}

func late(by time.Duration) string { return by.Round(time.Millisecond).String() }
