package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// LaneSlot is a quarter of an hour in which runs of a scraper ended, or the time that
// [Queries.LaneSlots] adds such quarters up to.
type LaneSlot struct {
	Scraper   string        `json:"-"`
	Start     time.Time     `json:"start"`
	Completed int64         `json:"completed,omitempty"`
	Failed    int64         `json:"failed,omitempty"`
	Lost      int64         `json:"lost,omitempty"`
	Gone      int64         `json:"gone,omitempty"` // attached runs whose watcher went: the connection to the scraper held
	Cancelled int64         `json:"cancelled,omitempty"`
	Items     int64         `json:"items,omitempty"` // of the completed runs together
	Took      time.Duration `json:"-"`               // likewise
	Away      time.Duration `json:"-"`               // without a connection to the scraper, up to its return
}

// Worst returns the status that a slot is drawn with: a loss before a failure, a
// cancellation and a completion. It is empty when nothing ended in the slot.
func (s LaneSlot) Worst() domain.RunStatus {
	switch {
	case s.Lost > 0:
		return domain.StatusConnectionFailed
	case s.Failed > 0:
		return domain.StatusFailed
	case s.Cancelled+s.Gone > 0:
		return domain.StatusCancelled
	case s.Completed > 0:
		return domain.StatusCompleted
	}
	return ""
}

// LaneSlotSize is the size of the stored slots.
const LaneSlotSize = 15 * time.Minute

const (
	// laneAway is how far back the time before a return is drawn.
	laneAway = 7 * 24 * time.Hour
)

// laneSlot is a quarter of an hour as it is stored.
type laneSlot struct {
	LaneSlot
	key      string
	position int64
}

func (s *laneSlot) shown(time.Time) any { return nil }

func (s *laneSlot) columns() []column {
	return []column{
		{"slot", text[string]{&s.key}, 0},
		{"scraper", text[string]{&s.Scraper}, fixed},
		{"start", micros{&s.Start}, required | fixed},
		{"completed", number[int64]{&s.Completed}, 0},
		{"failed", number[int64]{&s.Failed}, 0},
		{"lost", number[int64]{&s.Lost}, 0},
		{"cancelled", number[int64]{&s.Cancelled}, 0},
		{"took", number[time.Duration]{&s.Took}, 0},
		{"away", number[time.Duration]{&s.Away}, 0},
		{"position", number[int64]{&s.position}, 0},
		{"gone", number[int64]{&s.Gone}, 0},
		{"items", number[int64]{&s.Items}, 0},
	}
}

var laneSlotsTable = table{name: "lane_slots", columns: (&laneSlot{}).columns(), indexes: []index{
	{"lane_slots_scraper", "(scraper, start)"},
}}

var laneProjection = Projection{
	name: "lanes", version: 2, fold: newLaneFold,
	types: []string{
		domain.ConnectionLost{}.EventType(), domain.ConnectionRestored{}.EventType(), domain.RunCompleted{}.EventType(),
		domain.RunFailed{}.EventType(), domain.RunCancelled{}.EventType(),
	},
	tables: []table{laneSlotsTable},
}

// laneFold adds up what ended in each quarter of an hour.
type laneFold struct {
	slots rows[string, laneSlot, *laneSlot]
}

func newLaneFold(at place) folder {
	return &laneFold{newRows[string, laneSlot, *laneSlot](at, laneSlotsTable)}
}

func (f *laneFold) tables() []tableRows { return []tableRows{&f.slots} }

func (f *laneFold) load(ctx context.Context, events []event) error {
	var keys []string
	for _, e := range events {
		for _, s := range laneSlotsOf(e) {
			keys = append(keys, s.key)
		}
	}
	return f.slots.load(ctx, keys)
}

func (f *laneFold) apply(ctx context.Context, e event) error {
	for _, more := range laneSlotsOf(e) {
		s, known, err := f.slots.get(ctx, more.key)
		if err != nil {
			return err
		}
		if !known {
			s = laneSlot{LaneSlot: LaneSlot{Scraper: more.Scraper, Start: more.Start}, key: more.key}
		}
		if s.position >= e.position {
			continue
		}
		s.position = e.position
		s.add(more.LaneSlot)
		f.slots.put(s.key, s)
	}
	return nil
}

func (s *LaneSlot) add(more LaneSlot) {
	s.Completed += more.Completed
	s.Failed += more.Failed
	s.Lost += more.Lost
	s.Gone += more.Gone
	s.Items += more.Items
	s.Cancelled += more.Cancelled
	s.Took += more.Took
	s.Away += more.Away
}

// laneSlotsOf returns what an event adds, and to which quarters.
func laneSlotsOf(e event) []laneSlot {
	switch of := e.Event.(type) {
	case domain.RunCompleted:
		return inSlot(e, LaneSlot{Completed: 1, Items: of.Items, Took: time.Duration(max(0, of.DurationMS)) * time.Millisecond})
	case domain.RunFailed:
		return inSlot(e, LaneSlot{Failed: 1})
	case domain.ConnectionLost:
		if of.Link == domain.LinkWatcher {
			return inSlot(e, LaneSlot{Gone: 1})
		}
		return inSlot(e, LaneSlot{Lost: 1})
	case domain.RunCancelled:
		return inSlot(e, LaneSlot{Cancelled: 1})
	case domain.ConnectionRestored:
		if of.Link != domain.LinkWatcher {
			return awaySlots(e, time.Duration(of.DownForMS)*time.Millisecond)
		}
	default: // starts nothing, and ends nothing
	}
	return nil
}

func inSlot(e event, s LaneSlot) []laneSlot {
	s.Scraper, s.Start = storedText(e.ScraperName()), stored(e.OccurredAt()).Truncate(LaneSlotSize)
	return []laneSlot{{LaneSlot: s, key: laneKey(s)}}
}

// awaySlots divides the time before a return among the quarters that it touches.
func awaySlots(e event, away time.Duration) (slots []laneSlot) {
	end := stored(e.OccurredAt())
	from := end.Add(-min(max(0, away), laneAway))
	for start := from.Truncate(LaneSlotSize); start.Before(end); start = start.Add(LaneSlotSize) {
		part := LaneSlot{Scraper: storedText(e.ScraperName()), Start: start, Away: earlier(end, start.Add(LaneSlotSize)).Sub(later(from, start))}
		slots = append(slots, laneSlot{LaneSlot: part, key: laneKey(part)})
	}
	return slots
}

func laneKey(s LaneSlot) string {
	return fmt.Sprintf("%s/%d", s.Scraper, s.Start.Unix()/int64(LaneSlotSize/time.Second))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// laneSlots adds quarters up to slots of $1 microseconds.
const laneSlots = `SELECT scraper, start - start %% $1, CAST(sum(completed) AS bigint), CAST(sum(failed) AS bigint),
  CAST(sum(lost) AS bigint), CAST(sum(gone) AS bigint), CAST(sum(cancelled) AS bigint), CAST(sum(items) AS bigint),
  CAST(sum(took) AS bigint), CAST(sum(away) AS bigint)
FROM lane_slots WHERE scraper IN (%s) AND start >= $2
GROUP BY scraper, start - start %% $1 ORDER BY scraper, start - start %% $1`

// LaneSlots returns what ended since an instant, by scraper, in slots of a size that is a
// multiple of a quarter of an hour, the oldest first. A slot in which nothing ended is
// left out.
func (q *Queries) LaneSlots(ctx context.Context, scrapers []string, since time.Time, size time.Duration) (map[string][]LaneSlot, error) {
	found := map[string][]LaneSlot{}
	if len(scrapers) == 0 {
		return found, nil
	}
	args := []any{size.Microseconds(), since.Truncate(size).UnixMicro()}
	var names []string
	for i, name := range slices.Compact(slices.Sorted(slices.Values(scrapers))) {
		names, args = append(names, fmt.Sprintf("$%d", i+3)), append(args, name)
	}
	err := q.each(ctx, "lane slots", fmt.Sprintf(laneSlots, strings.Join(names, ", ")), args, func(row eventstore.Scanner) error {
		var s LaneSlot
		err := row.Scan(&s.Scraper, micros{&s.Start}, &s.Completed, &s.Failed, &s.Lost, &s.Gone, &s.Cancelled, &s.Items,
			number[time.Duration]{&s.Took}, number[time.Duration]{&s.Away})
		found[s.Scraper] = append(found[s.Scraper], s)
		return err
	})
	return found, err
}
