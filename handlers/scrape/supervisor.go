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
	"scrapelog/handlers/dial"
)

const (
	// poll is how often open runs are pulled when nothing wakes us.
	poll = time.Second
	// recordGrace is how long a stop waits for the last ends to be recorded.
	// What is left then is found by whoever finds this instance dead.
	recordGrace = 5 * time.Second
	// atOnce is how many runs are opening at once, from their load to the
	// connection, and as many ends are being recorded: ten thousand that start or
	// end together must not look to scrapers and database like an attack, and
	// keep a place among their reads for the pages.
	atOnce = 256
)

// ErrDisowned, as the cause of the context given to Run, says that this instance
// was declared dead: its runs have been ended by another, so their streams are
// dropped and nothing is recorded.
var ErrDisowned = errors.New("this instance was declared dead")

// Supervisor follows every open run that names its instance. Set the exported
// fields before Run and leave them; the methods may be called at any time.
type Supervisor struct {
	Instance string

	// OpenRuns returns the committed open runs that name the instance. A run that
	// it returned once and then no longer has ended.
	OpenRuns func(ctx context.Context, instance string) ([]uuid.UUID, error)
	// LoadRun returns a run as the log has it.
	LoadRun func(ctx context.Context, id uuid.UUID) (domain.Run, error)
	// Config returns what to dial: the configuration, its URL with the query that
	// the log does not keep. ErrNotFound and ErrInvalid fail the run, any other
	// error is tried again.
	Config func(ctx context.Context, scraper string) (dial.Target, error)
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	// Wake gives a channel that has a token after every commit.
	Wake func() (tokens <-chan struct{}, stop func())

	// Leave is called when a stop begins. It tells the others to give this instance
	// no more runs and returns when they know, or ctx ends. Until then nothing is
	// ended: what recovers it might come here again.
	Leave func(ctx context.Context)

	ShutdownGrace time.Duration // how long a stop waits for runs to end by themselves
	Logger        *slog.Logger

	mu         sync.Mutex
	holds      map[uuid.UUID]*hold
	unsettled  int             // how many of them have not come to rest
	settling   chan struct{}   // closed, and made anew, when one does
	recording  context.Context // what ends are recorded under: outlives the context of Run
	pullFailed bool

	opening, ending places
}

// Run pulls and follows runs until ctx ends. Then it takes no new ones, waits
// ShutdownGrace for those it holds, ends the rest as instance_stopped, and
// returns nil once all that is recorded.
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
	if errors.Is(context.Cause(ctx), ErrDisowned) {
		s.endAll(ErrDisowned)
	} else {
		s.drain(recording, tokens)
	}
	s.settleAll(abandon)
	return nil
}

// warm reads the system's certificates, which crypto/x509 does once: when this is
// left to the first connection there may be no descriptor to read them with, and no
// scraper is trusted from then on.
func warm() { _, _ = x509.SystemCertPool() }

// watch pulls at each token and each poll until ctx ends. It rests nine times as
// long as a pull took: in a storm of commits, where each pull lists thousands of
// runs, nine tenths of a core are left to what the storm is about.
func (s *Supervisor) watch(ctx context.Context, tokens <-chan struct{}, found admission) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		s.pull(ctx, found)
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(9*time.Since(began), poll)):
		}
		select {
		case <-ctx.Done():
		case <-tokens:
		case <-tick.C:
		}
	}
}

// drain waits ShutdownGrace for the held runs to end, and ends the rest. Runs
// that are found meanwhile are never POSTed; they end at once, so that another
// instance can take up what follows.
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

// settleAll waits until every end is recorded, or gives up on those that cannot be.
func (s *Supervisor) settleAll(abandon func()) {
	waiting, done := context.WithTimeout(context.Background(), recordGrace)
	defer done()
	s.awaitSettled(waiting)
	if left, _ := s.open(); left > 0 {
		s.Logger.Error("ends of runs could not be recorded; the next instance to start will end them", "runs", left)
	}
	abandon()
}

// awaitSettled returns when every held run has come to rest, or ctx ends.
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

// Unrecorded is how many runs have ended and could not yet be recorded, and why
// the last try for one of them failed.
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

// Streams is how many event streams of scrapers are open.
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

// Attached lists the runs in hand that live with a watcher.
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

// Heard is when a run that this instance follows last gave a sign of life: a
// byte, or a whole event where the scraper announced beats.
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
