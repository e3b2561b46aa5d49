package ready

import "sync"

// Step is a part of the start. Steps come in this order, after the migrations:
// before these nothing answers.
type Step int

// The steps of a start.
const (
	Swept   Step = iota // runs of dead instances are ended
	Applied             // the file's scrapers are in the log
	Ticking             // slots are started
	steps
)

var stepWords = [steps]string{
	Swept:   "ending the runs of dead instances",
	Applied: "bringing the configured scrapers into the log",
	Ticking: "reading the schedules",
}

// Startup records how far the start of an instance has come. The zero value is its
// beginning.
type Startup struct {
	mu       sync.Mutex
	next     Step
	position int64 // of the log once the file's scrapers were in it
}

// Reset begins a start again, under a new instance id.
func (s *Startup) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = 0
}

// Done records that a step is done.
func (s *Startup) Done(finished Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = finished + 1
}

// DoneAt records that the file's scrapers are in the log, up to position: a read
// model that has not come so far keeps the instance from being ready.
func (s *Startup) DoneAt(position int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.position = Applied+1, position
}

// doing returns the step in progress; empty: the start is over.
func (s *Startup) doing() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == steps {
		return ""
	}
	return stepWords[s.next]
}

// least returns the position that each read model must have reached.
func (s *Startup) least() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}
