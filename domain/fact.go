package domain

import "time"

// Fact is an event that is in the log, with what was known when it was appended. The
// process that appends an event measures it by its Fact; no decision reads one.
type Fact struct {
	Event
	Run        Run       // the run before the event; zero for a start and for an event of a scraper
	Caller     string    // W3C trace context of the request that started the run, if it carried one; else the run's own
	RecordedAt time.Time // when it was appended; Event.OccurredAt may be long before
	Due        time.Time // when a run should have started: at its slot, or at the return of the connection; zero: the event is no start, or the start was asked for
}
