package pages

import (
	"fmt"
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

// value is a fact of a run that its events change: a text, or an instant with a text
// behind it.
type value struct {
	name, text string
	at         time.Time
}

func (v value) empty() bool { return v.text == "" && v.at.IsZero() }

// plain is the value without markup.
func (v value) plain() string {
	switch {
	case v.empty():
		return "–"
	case v.at.IsZero():
		return v.text
	}
	return Instant(v.at) + v.text
}

// values are the facts of a run that its events change.
func values(r projections.Run) []value {
	list := []value{
		{name: "Status", text: statusText(r.Status)},
		{name: "Ended", at: r.EndedAt.Time},
		{name: "Duration"},
		{name: "Items"},
		{name: "Cause", text: why(Run{Run: r})},
		{name: "Detail", text: clean(brief(r.Detail, listShown))},
		{name: "Last heard", at: r.LastHeardAt},
		{name: "Connection back", at: r.RestoredAt},
		{name: "Recovered by"},
	}
	if r.Status.Final() {
		list[2].text = Took(r.EndedAt.Sub(r.StartedAt.Time))
	}
	if r.Items != nil {
		list[3].text = number(*r.Items)
	}
	if !r.RestoredAt.IsZero() {
		list[7].text = " after " + downText(Run{Run: r}) + ": " + noticedText(r.NoticedBy)
	}
	if r.RecoveredBy != uuid.Nil {
		list[8].text = short(r.RecoveredBy)
	}
	return list
}

// changed are the facts that are different now, by name, as they are now.
func (p RunPage) changed() map[string]value {
	changed := map[string]value{}
	if p.AsOf == nil {
		return changed
	}
	then := values(p.Run.Run)
	for i, now := range values(p.AsOf.Now) {
		if now.text != then[i].text || !now.at.Equal(then[i].at) {
			changed[now.name] = now
		}
	}
	return changed
}

// steps is how many of its own events a run's page can go back to.
func (p RunPage) steps() int {
	if p.AsOf != nil {
		return p.AsOf.Of
	}
	return len(p.Events)
}

// step is the one that the page shows; the last one is the present.
func (p RunPage) step() int {
	if p.AsOf != nil {
		return p.AsOf.Step
	}
	return len(p.Events)
}

// stepText tells the step to those who do not see the slider.
func (p RunPage) stepText() string {
	if p.AsOf == nil {
		return "now"
	}
	last := p.Events[len(p.Events)-1]
	return fmt.Sprintf("event %s, %s into the run: %s", number(last.Position), Took(last.RecordedAt.Sub(p.StartedAt.Time)), p.told(last))
}
