package pages

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// Run is a run with what is known beside its row.
type Run struct {
	projections.Run
	HeardAt time.Time // the last sign of life, of an open run that this instance follows
}

// RunPage is one run with its story.
type RunPage struct {
	Run
	Next     projections.Run   // the run that recovered this one; zero: none did
	Chain    []projections.Run // the story of losses and recoveries it is a part of, oldest first
	Standing bool              // a lost run that no newer one has superseded: recovery is still to come
	Waiting  string            // what it waits for, in words
	Events   []Event
	Chosen   EventPage // the event that is told in detail
	AsOf     *AsOf     // nil: the run as it stands now
}

// AsOf says that a run is shown as it stood after an event of the log.
type AsOf struct {
	Position int64
	At       time.Time       // when that event was recorded
	Step, Of int             // how many of the run's events had been recorded by then, of all
	Now      projections.Run // the run as it stands now
}

// Overview is the first page.
type Overview struct {
	Scrapers projections.ScraperCounts
	Empty    bool                  // there are no scrapers
	Lost     []Loss                // those that are lost for longest
	Overdue  []projections.Scraper // those that are overdue for longest
	Paused   []projections.Scraper // those that are paused for longest
	Lanes    Lanes
	Running  []Run                 // the newest
	Latest   []Run                 // that ended, the newest
	Due      []projections.Scraper // those with the nearest slots
	Groups   []feed.Group
	Refused  string // why nothing is signed any more; empty: it is
	GivenUp  int64  // notices that no attempt has delivered

	MoreLost, MoreOverdue, MorePaused, MoreRunning bool // than are shown
}

// Loss is a scraper whose connection is lost now, or back with its recovery to come.
type Loss struct {
	projections.Scraper
	Waiting string // what the recovery waits for, in words
}

// NamesListed is how many scrapers a page lists by name.
const NamesListed = 100

// OutageList is a page of outages, newest first.
type OutageList struct {
	Open         string // "true" or "false": the tab of the filter; empty: all
	Since, Until string // that they began in
	Cursor       string
	Year         OutageYear
	Outages      []projections.Outage
	Next         string // the cursor of the next page, if there is one
}

// OutagePage is one outage with the first runs that were lost in it.
type OutagePage struct {
	projections.Outage
	Runs    []Run
	Lanes   Lanes         // of its first scrapers, around it
	Skipped []Event       // the traces of slots that were skipped because of it
	More    bool          // there may be more traces
	Checks  string        // what to check for its cause, as HTML of ours
	Probes  time.Duration // how often its first scraper is probed; 0: not known
}

// ScraperList is a page of scrapers, by name.
type ScraperList struct {
	All      projections.ScraperCounts
	Scrapers []ScraperRow
	Words    string // that the names contain
	From     string // the name that it begins at, or would
	Next     string // the name that the next page begins at; empty: there is none
}

// Event is an event of the log with its summary.
type Event struct {
	eventstore.Recorded
	Summary string
	Actor   string       // its name, if it has one
	Is      domain.Event // nil: of a newer version, or unreadable
}

// NewEvent returns a recorded event with its summary. An event that cannot be read has the
// error as its summary. nameOf names its actor for people.
func NewEvent(rec eventstore.Recorded, nameOf func(actor string) string) Event {
	actor := rec.Metadata["actor"]
	name := nameOf(actor)
	e, err := rec.Event()
	if err != nil {
		return Event{rec, "an event that cannot be read: " + clean(err.Error()), clean(name), nil}
	}
	summary := strings.Replace(words.Summary(e), " by "+actor, " by "+name, 1)
	if id, err := uuid.Parse(strings.TrimPrefix(rec.Stream, "user-")); err == nil {
		if user := "user:" + id.String(); nameOf(user) != user {
			summary = strings.Replace(summary, "user "+domain.ShortID(id)+":", "user "+nameOf(user)+":", 1)
		}
	}
	return Event{rec, clean(summary), clean(name), e}
}

// NewEvents returns the recorded events with their summaries.
func NewEvents(records []eventstore.Recorded, nameOf func(actor string) string) []Event {
	events := make([]Event, len(records))
	for i, rec := range records {
		events[i] = NewEvent(rec, nameOf)
	}
	return events
}

// EventList is a page of the log, newest first.
type EventList struct {
	Events  []Event
	Filter  EventFilter
	Head    int64
	Newest  bool             // the page ends at the head
	Forward bool             // it was asked for from its oldest event on
	Oldest  bool             // the page begins at the first event
	Counts  map[string]int64 // how many events of each type the log holds
	Open    int64            // the event whose drawer is open; 0: none
	Place   [2]string        // the parameter that chose the page, and its value; empty: the newest
	Stopped int64            // a search for a text was given up at this position; 0: it was not
}

// EventFilter is the filter as the URL has it.
type EventFilter struct {
	Types                           []string
	Stream, Run, Since, Until, Text string
}

// EventPage is one event and where it stands in the log.
type EventPage struct {
	Event
	Head      int64
	Run       uuid.UUID // the run that it is about, if it is about one
	Cause     *Event    // nil: none, or none that was found
	Effects   []Event
	Inclusion Inclusion
}

// Stream is one stream's events, oldest first.
type Stream struct {
	Name   string
	Events []Event
	Open   int64 // the event whose drawer is open; 0: none
}

// Problem is a page about a refused or failed request.
type Problem struct {
	Status int
	Title  string
	Detail string
	Run    uuid.UUID // the run in the way
	Asked  string    // what the service's log calls the request

	Nearest []Hit // what may have been meant
}

// statusIcons are the icons on the badges of runs.
var statusIcons = map[domain.RunStatus]string{
	domain.StatusRunning:          "loader",
	domain.StatusCompleted:        "circle-check",
	domain.StatusFailed:           "circle-x",
	domain.StatusConnectionFailed: "unplug",
	domain.StatusCancelled:        "ban",
}
