package pages

import (
	"time"

	"github.com/google/uuid"

	"scrapelog/projections"
)

// now is when a run's page speaks of: its own time, or the one it goes back to.
func (p RunPage) now(c Chrome) time.Time {
	if p.AsOf != nil {
		return p.AsOf.At
	}
	return c.Now
}

// difference is a fact that was another one then.
type difference struct{ name, then, now string }

// differences are what has changed in a run between two of its states.
func differences(then, now projections.Run) []difference {
	var changed []difference
	before, after := values(then), values(now)
	for i := range before {
		if before[i].value != after[i].value {
			changed = append(changed, difference{before[i].name, before[i].value, after[i].value})
		}
	}
	return changed
}

// values are the facts of a run that its events change, in words.
func values(r projections.Run) []setting {
	view := Run{Run: r}
	list := []setting{
		{"Status", statusText(r.Status)},
		{"Ended", instantText(r.EndedAt.Time)},
		{"Duration", ""},
		{"Items", ""},
		{"Cause", why(view)},
		{"Detail", clean(r.Detail)},
		{"Last heard", instantText(r.LastHeardAt)},
		{"Connection back", instantText(r.RestoredAt)},
		{"Recovered by", runText(r.RecoveredBy)},
	}
	if r.Status.Final() {
		list[2].value = Took(r.EndedAt.Sub(r.StartedAt.Time))
	}
	if r.Items != nil {
		list[3].value = number(*r.Items)
	}
	for i := range list {
		if list[i].value == "" {
			list[i].value = "–"
		}
	}
	return list
}

func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Instant(t)
}

func runText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return short(id)
}
