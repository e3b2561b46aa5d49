package pages

import (
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// moment is a point of a run's story.
type moment struct {
	at     time.Time
	offset string // since the run's start
	kind   string // which mark the line gets: start, end, lost, back, next
	text   string
	run    uuid.UUID // a run to go to
}

// moments is the story of a run in order, the run that follows it included.
func moments(p RunPage) []moment {
	story := []moment{{at: p.StartedAt.Time, kind: "start", text: "Started " + triggerText(p.Trigger), run: p.Recovers}}
	if !p.LastHeardAt.IsZero() && p.Status == domain.StatusConnectionFailed {
		story = append(story, moment{at: p.LastHeardAt, kind: "heard", text: "Last heard"})
	}
	if p.Status.Final() {
		story = append(story, ending(p))
	}
	if !p.RestoredAt.IsZero() {
		story = append(story, moment{at: p.RestoredAt, kind: "back", text: "Connection back: " + noticedText(p.NoticedBy)})
	}
	if p.Next.ID != uuid.Nil {
		story = append(story, moment{at: p.Next.StartedAt.Time, kind: "start", text: "A new run started to recover it", run: p.Next.ID})
	}
	for i := range story {
		story[i].offset = "+" + Took(story[i].at.Sub(p.StartedAt.Time))
	}
	return story
}

func ending(p RunPage) moment {
	m := moment{at: p.EndedAt.Time, kind: "end", text: statusText(p.Status)}
	if p.Status == domain.StatusConnectionFailed {
		m.kind = "lost"
	}
	switch reason := why(p.Run); {
	case p.Status == domain.StatusCancelled:
		m.text += " " + reason
	case reason != "":
		m.text += ": " + reason
	}
	return m
}
