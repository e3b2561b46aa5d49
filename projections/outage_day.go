package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// OutageDay is what one day, in UTC, had of outages. A day without any has no row.
type OutageDay struct {
	Day       string        // "2026-11-23"
	Began     int64         // outages that began on it
	Away      time.Duration // of outages that have ended, of all origins together
	Longest   time.Duration // the longest outage that touched it and has ended
	LongestID uuid.UUID
	Watchers  int64 // runs that were lost because their watcher had gone, which is no outage
}

// outageDay is an OutageDay as it is stored.
type outageDay struct {
	OutageDay
	position int64
}

func (d *outageDay) shown(time.Time) any { return nil }

func (d *outageDay) columns() []column {
	return []column{
		{"day", text[string]{&d.Day}, 0},
		{"began", number[int64]{&d.Began}, 0},
		{"away", number[time.Duration]{&d.Away}, 0},
		{"longest", number[time.Duration]{&d.Longest}, 0},
		{"longest_id", id{&d.LongestID}, 0},
		{"watchers", number[int64]{&d.Watchers}, 0},
		{"position", number[int64]{&d.position}, 0},
	}
}

var outageDaysTable = table{name: "outage_days", columns: (&outageDay{}).columns()}

// longestOutage is how far back the days of an outage are counted.
const longestOutage = 400 * 24 * time.Hour

const aDay = 24 * time.Hour

// dayOf is the key of the day of an instant.
func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// day changes the row of a day.
func (f *outageFold) day(ctx context.Context, e event, day string, change func(*outageDay)) error {
	d, _, err := f.days.get(ctx, day)
	if err != nil {
		return err
	}
	d.Day, d.position = day, e.position
	change(&d)
	f.days.put(day, d)
	return nil
}

// watcherGone counts a run that was lost with its watcher. Nothing else is counted of its
// event, so the row itself tells whether that was done.
func (f *outageFold) watcherGone(ctx context.Context, e event) error {
	lost, ok := e.Event.(domain.ConnectionLost)
	if !ok || lost.Link != domain.LinkWatcher {
		return nil
	}
	day := dayOf(stored(lost.At))
	if known, _, err := f.days.get(ctx, day); err != nil || known.position >= e.position {
		return err
	}
	return f.day(ctx, e, day, func(d *outageDay) { d.Watchers++ })
}

// endedOn divides an outage that has ended among the days that it touched.
func (f *outageFold) endedOn(ctx context.Context, e event, o Outage) error {
	end := o.EndedAt.Time
	lasted := max(0, end.Sub(o.StartedAt.Time))
	for from := end.Add(-min(lasted, longestOutage)); ; {
		until := earlier(end, from.Truncate(aDay).Add(aDay))
		err := f.day(ctx, e, dayOf(from), func(d *outageDay) {
			d.Away += until.Sub(from)
			if lasted > d.Longest || d.LongestID == uuid.Nil {
				d.Longest, d.LongestID = lasted, o.ID
			}
		})
		if from = until; err != nil || !from.Before(end) {
			return err
		}
	}
}

const outageDays = `SELECT * FROM outage_days WHERE day >= $1 ORDER BY day`

// OutageDays returns the days since the one of an instant that had outages or lost
// watchers, the oldest first.
func (q *Queries) OutageDays(ctx context.Context, since time.Time) ([]OutageDay, error) {
	return list(ctx, q, "days of outages", outageDays, []any{dayOf(since)}, func(row eventstore.Scanner) (OutageDay, error) {
		var d outageDay
		err := row.Scan(fieldsOf(d.columns())...)
		return d.OutageDay, err
	})
}
