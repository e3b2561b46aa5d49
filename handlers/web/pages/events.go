package pages

import (
	"strconv"

	"github.com/a-h/templ"

	"scrapelog/domain"
)

// openURL is the same page with the drawer of an event open; 0: with none.
func (l EventList) openURL(position int64) templ.SafeURL {
	return l.pageURL(l.Place[0], l.Place[1], "open", opened(position))
}

// openURL is the same page with the drawer of an event open; 0: with none.
func (s Stream) openURL(position int64) templ.SafeURL {
	return streamURL(s.Name) + templ.SafeURL(query("open", opened(position)))
}

func opened(position int64) string {
	if position == 0 {
		return ""
	}
	return strconv.FormatInt(position, 10)
}

func (l EventList) olderURL() templ.SafeURL {
	return l.pageURL("upto", strconv.FormatInt(l.last()-1, 10))
}

// furtherURL goes on with a search that was given up.
func (l EventList) furtherURL() templ.SafeURL {
	if l.Forward {
		return l.pageURL("after", strconv.FormatInt(l.Stopped, 10))
	}
	return l.pageURL("upto", strconv.FormatInt(l.Stopped-1, 10))
}

func (l EventList) newerURL() templ.SafeURL {
	return l.pageURL("after", strconv.FormatInt(l.first(), 10))
}

// first is the newest position of the page, last its oldest.
func (l EventList) first() int64 {
	if len(l.Events) == 0 {
		return 0
	}
	return l.Events[0].Position
}

func (l EventList) last() int64 {
	if len(l.Events) == 0 {
		return 1
	}
	return l.Events[len(l.Events)-1].Position
}

func (l EventList) span() string {
	if len(l.Events) == 0 {
		return "none"
	}
	return number(l.last()) + " to " + number(l.first())
}

// shortStream keeps a stream's kind and the end of its id.
func shortStream(name string) string {
	if run, ok := domain.RunOfStream(name); ok {
		return "run-…" + short(run)
	}
	return clean(name)
}

// kind is the class of an event's row: what began, ended, was lost or came back is told
// apart by colour beside its type.
func (e Event) kind() string {
	switch e.Type {
	case domain.ConnectionLost{}.EventType(), domain.ScraperOverdue{}.EventType():
		return "event-lost"
	case domain.ConnectionRestored{}.EventType(), domain.RunCompleted{}.EventType():
		return "event-good"
	case domain.RunFailed{}.EventType():
		return "event-failed"
	case domain.RunStarted{}.EventType():
		return "event-running"
	}
	return "event-other"
}
