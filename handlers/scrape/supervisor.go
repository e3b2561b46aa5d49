package scrape

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/dial"
)

const (
	// poll is how often open runs are read when nothing wakes the supervisor.
	poll = time.Second
	// recordGrace is how long a stop waits for the last ends to be recorded. The
	// instance that finds this one dead ends the remaining runs.
	recordGrace = 5 * time.Second
	// atOnce limits how many runs are opening at once, from loading to the connection,
	// and how many ends are being recorded at once. Ten thousand runs that start or end
	// together must not look like an attack to scrapers and database, and must leave
	// room for the reads of the pages.
	atOnce = 256
)

// Supervisor follows every open run that names its instance. Set the exported fields
// before Run and do not change them; the methods may be called at any time.
type Supervisor struct {
	Instance string

	// OpenRuns returns the committed open runs that name the instance. A run that is
	// no longer returned has ended.
	OpenRuns func(ctx context.Context, instance string) ([]uuid.UUID, error)
	// LoadRun returns a run from the log.
	LoadRun func(ctx context.Context, id uuid.UUID) (domain.Run, error)
	// Config returns the scraper's configuration, whose URL has the query that the log
	// does not keep. ErrNotFound and ErrInvalid fail the run; any other error is
	// retried.
	Config func(ctx context.Context, scraper string) (dial.Target, error)
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	// Wake returns a channel that has a token after every commit.
	Wake func() (tokens <-chan struct{}, stop func())

	// Leave is called when a stop begins. It tells the other instances to give this
	// one no more runs, and returns when they know or ctx ends. Until then no run is
	// ended, because its recovery run could be given to this instance again.
	Leave func(ctx context.Context)

	// Trace is called with each phase of an exchange that has ended, and with the
	// command that records its end; nil: another phase follows, or the run has ended
	// otherwise. It MUST NOT block. Optional.
	Trace func(run domain.Run, phase domain.Phase, from, to time.Time, end domain.RunCommand)

	ShutdownGrace time.Duration // how long a stop waits for runs to end on their own
	Logger        *slog.Logger

	mu         sync.Mutex
	holds      map[uuid.UUID]*hold
	unsettled  int             // how many of them are not settled
	settling   chan struct{}   // closed and replaced when one settles
	recording  context.Context // the context for recording ends; outlives that of Run
	pullFailed bool

	opening, ending places
}

// Run follows open runs until ctx ends. Then it takes no new runs, waits ShutdownGrace
// for the held ones, ends the rest as instance_stopped, and returns nil when all ends
// are recorded. If the cause of ctx is instances.ErrMarkedDead, another instance has
// ended the runs: Run drops their streams and records nothing.
func (s *Supervisor) Run(ctx context.Context) error {
	warm()
	recording, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	s.mu.Lock()
	s.holds, s.settling, s.recording = map[uuid.UUID]*hold{}, make(chan struct{}), recording
	s.opening, s.ending = make(places, atOnce), make(places, atOnce)
	s.mu.Unlock()
	tokens, stop := s.Wake()
	defer stop()

	s.watch(ctx, tokens, take)
	if errors.Is(context.Cause(ctx), instances.ErrMarkedDead) {
		s.endAll(instances.ErrMarkedDead)
	} else {
		s.drain(recording, tokens)
	}
	s.settleAll(abandon)
	return nil
}

// warm reads the system's certificates, which crypto/x509 does only once. If the first
// connection did it when no descriptor is left, no https scraper would be trusted until
// the next restart.
func warm() { _, _ = x509.SystemCertPool() }

// watch pulls at each token and each poll until ctx ends, and rests after each pull.
func (s *Supervisor) watch(ctx context.Context, tokens <-chan struct{}, found admission) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		s.pull(ctx, found)
		s.mu.Lock()
		held := len(s.holds)
		s.mu.Unlock()
		if !eventstore.Rest(ctx, began, held) {
			return
		}
		select {
		case <-ctx.Done():
		case <-tokens:
		case <-tick.C:
		}
	}
}

// drain waits ShutdownGrace for the held runs to end, and ends the rest. Runs that are
// found meanwhile are not POSTed; they end at once, so that another instance can
// recover them.
func (s *Supervisor) drain(ctx context.Context, tokens <-chan struct{}) {
	waiting, done := context.WithTimeout(ctx, s.ShutdownGrace)
	defer done()
	go func() {
		defer done()
		s.awaitSettled(waiting)
	}()
	pulling, cancel := context.WithTimeout(ctx, s.ShutdownGrace+recordGrace)
	defer cancel()
	s.Leave(pulling)
	s.watch(waiting, tokens, turnAway)
	s.pull(pulling, turnAway)
	s.endAll(errStopped)
}

// settleAll waits until every end is recorded, at most recordGrace.
func (s *Supervisor) settleAll(abandon func()) {
	waiting, done := context.WithTimeout(context.Background(), recordGrace)
	defer done()
	s.awaitSettled(waiting)
	if left, _ := s.open(); left > 0 {
		s.Logger.Error("ends of runs not recorded; the next instance to start ends them", "runs", left)
	}
	abandon()
}

// awaitSettled returns when every held run is settled, or ctx ends.
func (s *Supervisor) awaitSettled(ctx context.Context) {
	for {
		open, changed := s.open()
		if open == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// Unrecorded returns how many runs have ended whose end could not be recorded yet, and
// the last error of one of them.
func (s *Supervisor) Unrecorded() (n int, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holds {
		if h.unrecorded != nil {
			n, why = n+1, h.unrecorded
		}
	}
	return n, why
}

// Streams returns how many event streams of scrapers are open.
func (s *Supervisor) Streams() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.holds {
		if h.heardAt.Load() != nil && !h.settled && h.unrecorded == nil {
			n++
		}
	}
	return n
}

// Attached returns the held runs that have a watcher.
func (s *Supervisor) Attached() []domain.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	var attached []domain.Run
	for _, h := range s.holds {
		if run := h.watched.Load(); run != nil && !h.settled {
			attached = append(attached, *run)
		}
	}
	return attached
}

// Heard returns when a run that this instance follows last gave a sign of life: a byte,
// or a whole event if the scraper announced beats.
func (s *Supervisor) Heard(run uuid.UUID) (time.Time, bool) {
	s.mu.Lock()
	h := s.holds[run]
	s.mu.Unlock()
	if h == nil {
		return time.Time{}, false
	}
	at := h.heardAt.Load()
	if at == nil {
		return time.Time{}, false
	}
	return *at, true
}
