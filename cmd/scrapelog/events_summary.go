package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
)

// summary says in a few words what an event is about. One of a type this program
// does not know shows its data.
func summary(r eventstore.Recorded) string {
	e, err := r.Event()
	if e == nil || err != nil {
		return string(r.Data)
	}
	return strings.TrimSpace(strings.Join(append([]string{e.ScraperName()}, details(e)...), " "))
}

func details(e domain.Event) []string {
	var d words
	switch e := e.(type) {
	case domain.RunStarted:
		d.add("", e.Trigger).addTime("due", e.DueAt).addID("recovers", e.Recovers).add("watcher", e.Watcher)
	case domain.ConnectionLost:
		d.add("", e.Link).add("", e.Cause).add("", e.Phase).add("after event", e.LastEvent).because(e.Detail)
	case domain.ConnectionRestored:
		d.add("", e.Link).add("after", time.Duration(e.DownForMS)*time.Millisecond).add("by", e.NoticedBy)
	case domain.RunCompleted:
		d.add("items", e.Items).add("in", time.Duration(e.DurationMS)*time.Millisecond).because(e.Note)
	case domain.RunFailed:
		d.add("", e.Code).because(e.Detail)
	case domain.RunCancelled:
		d.add("by", e.By).because(e.Reason)
	case domain.ScraperConfigured:
		d.add("by", e.Source).add("", e.Config.Schedule)
	case domain.ScraperPaused:
		d.add("by", e.By).because(e.Reason)
	case domain.ScraperResumed:
		d.add("by", e.By).because(e.Reason)
	case domain.ScraperRemoved:
		d.add("by", e.By).because(e.Reason)
	case domain.ScrapeSkipped:
		d.add("", e.Trigger).addTime("due", e.DueAt).addID("recovers", e.Recovers).add("because", e.Reason)
	case domain.LogAccepted:
		d.add("signed", e.Superseded).add("proven", e.Proven).add("key", e.Key).add("by", e.By).because(e.Reason)
	}
	return d
}

// words collects what is set, each after its label.
type words []string

func (w *words) add(label string, value any) *words {
	text := fmt.Sprint(value)
	if text == "" {
		return w
	}
	*w = append(*w, strings.TrimSpace(label+" "+text))
	return w
}

// because puts what somebody said behind a dash.
func (w *words) because(said string) {
	if said != "" {
		w.add("–", said)
	}
}

func (w *words) addTime(label string, t time.Time) *words { return w.add(label, term.Stamp(t)) }

func (w *words) addID(label string, id uuid.UUID) *words {
	if id == uuid.Nil {
		return w
	}
	return w.add(label, id)
}
