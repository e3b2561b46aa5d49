package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Config says what to seal and where its proof is kept.
type Config struct {
	Store    *eventstore.Store
	Files    Files         // what is left out is filled in by FilesOf
	Interval time.Duration // how long an event may go unsealed; default 1 s
	Batch    int           // how many may; default 1,000
	Logger   *slog.Logger
}

// lastSeal is how long a stop may take to sign what has come.
const lastSeal = 5 * time.Second

// Sealer signs the log as it grows. At most one seals a database at a time: on
// PostgreSQL any number may run and a lock makes them take turns; on SQLite
// only the process that holds the serving lock may have one.
//
// A sealer without a key seals nothing and says so, once: on PostgreSQL that is
// an instance which was not given the key that this log is sealed with.
type Sealer struct {
	store    *eventstore.Store
	files    Files
	outside  outsideFile
	interval time.Duration
	batch    int
	log      *slog.Logger

	turn    sync.Mutex // held by who works on the log
	key     *Key       // nil: seals nothing
	checked bool       // the tail was looked at since the start
	trouble string     // logged already

	mu    sync.Mutex
	state State
}

// State is what is known about the sealing of a log.
type State struct {
	Sealed   int64     `json:"sealed"` // how many events the last checkpoint covers
	SealedAt time.Time `json:"sealed_at,omitzero"`
	Refused  string    `json:"refused,omitempty"` // why nothing is signed and no run may start; a sentence
	Idle     string    `json:"idle,omitempty"`    // why this process has no part in it; a sentence
}

// Open loads the key, makes one for a log that was never sealed, and checks the
// log against its last checkpoints: call it before anything is appended. That
// there is no key is a warning. A log that does not follow from what was signed
// is no error either: Refused says so.
func Open(ctx context.Context, cfg Config) (*Sealer, error) {
	s := &Sealer{
		store: cfg.Store, interval: cmp.Or(cfg.Interval, time.Second), batch: cmp.Or(cfg.Batch, 1000),
		log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
	}
	files, err := FilesOf(ctx, cfg.Store, cfg.Files)
	if errors.Is(err, eventstore.ErrUnavailable) {
		return nil, err
	}
	if err == nil {
		s.files, s.outside = files, outsideFile{files.Checkpoints}
		err = s.loadKey(ctx)
	}
	if errors.Is(err, eventstore.ErrUnavailable) {
		return nil, err
	}
	if err != nil {
		s.state.Idle = idleBecause(err)
		s.log.WarnContext(ctx, "the log is not sealed by this process", "error", err)
		return s, nil
	}
	if err := s.Check(ctx); errors.Is(err, eventstore.ErrUnavailable) {
		return nil, err
	} else if err != nil {
		s.log.WarnContext(ctx, "the log is not sealed; it will be tried again", "error", err)
	}
	return s, nil
}

func idleBecause(err error) string {
	return fmt.Sprintf("The log is not sealed by this process: %v.", err)
}

// loadKey makes a key only where none has ever been: a second one could vouch
// for nothing that the first has signed.
func (s *Sealer) loadKey(ctx context.Context) error {
	key, err := ReadKey(s.files.Key)
	if absent(err) {
		last, stored := lastStored(ctx, s.store.Reader())
		switch _, found, outside := s.outside.last(); {
		case errors.Is(stored, eventstore.ErrUnavailable):
			return stored
		case last.number > 0:
			return fmt.Errorf("its checkpoints are signed with the key of %q, which is not at %s; copy it there", last.Origin, s.files.Key)
		case outside != nil:
			return outside
		case found:
			return fmt.Errorf("there is no key at %s, but %s has checkpoints already", s.files.Key, s.files.Checkpoints)
		}
		if err := makeKey(s.files.Key); err != nil {
			return fmt.Errorf("no key can be made at %s: %w", s.files.Key, err)
		}
		key, err = ReadKey(s.files.Key)
	}
	if err == nil && key.Signer == nil {
		err = fmt.Errorf("%s holds no private key", s.files.Key)
	}
	if err != nil {
		return err
	}
	s.key = key
	return nil
}

// Refused says in a sentence why nothing is signed any more, empty while all is
// well. While it is not empty the service must start no runs.
func (s *Sealer) Refused() string { return s.State().Refused }

// State is how the sealing stands.
func (s *Sealer) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Files is where the proof of this log is kept.
func (s *Sealer) Files() Files { return s.files }

// Run seals until ctx ends, and then once more: end it after everything that
// appends. It never ends early; what goes wrong is logged and tried again.
func (s *Sealer) Run(ctx context.Context) error {
	if s.key == nil {
		<-ctx.Done()
		return nil
	}
	woken, stop := s.store.Wake()
	defer stop()
	tick := time.NewTicker(s.interval)
	defer tick.Stop()
	for {
		s.attempt(ctx)
		if !s.due(ctx, tick.C, woken) {
			break
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSeal)
	defer cancel()
	s.attempt(last)
	return nil
}

// breath is the least time between two looks at how many events have come.
const breath = 50 * time.Millisecond

// due waits until it is time to seal; false: ctx has ended.
func (s *Sealer) due(ctx context.Context, tick <-chan time.Time, woken <-chan struct{}) bool {
	listening := woken
	var rest <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-rest:
			listening, rest = woken, nil
		case <-listening:
			head, err := s.store.Head(ctx)
			if err == nil && head-s.State().Sealed >= int64(s.batch) {
				return true
			}
			listening, rest = nil, time.After(breath)
		}
	}
}

// attempt seals and logs what keeps it from that, once per cause.
func (s *Sealer) attempt(ctx context.Context) {
	err := s.Seal(ctx)
	if ctx.Err() != nil && err != nil {
		return
	}
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble == s.trouble {
		return
	}
	s.trouble = trouble
	var refused *Refusal
	switch {
	case errors.As(err, &refused): // logged where it is kept
	case err != nil:
		s.log.WarnContext(ctx, "the log could not be sealed; it will be tried again", "error", err)
	default:
		s.log.InfoContext(ctx, "the log is being sealed again")
	}
}

// Refusal is why the log is not signed: it does not follow from what was signed
// before.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// Unwrap tells that it is a refusal and no failure.
func (r *Refusal) Unwrap() error { return domain.ErrConflict }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// keep remembers a refusal, or that there is none.
func (s *Sealer) keep(ctx context.Context, err error) error {
	var refused *Refusal
	var reason, idle string
	switch {
	case errors.As(err, &refused):
		reason = refused.Reason
	case errors.Is(err, errOtherKey):
		idle = idleBecause(err)
	case err != nil:
		return err // says nothing about the log
	}
	s.mu.Lock()
	changed := s.state.Refused != reason
	s.state.Refused, s.state.Idle = reason, idle
	s.mu.Unlock()
	switch {
	case changed && reason != "":
		s.log.ErrorContext(ctx, "sealing refused; no runs are started", "reason", reason, "folder", filepath.Dir(s.files.Checkpoints))
	case changed:
		s.log.InfoContext(ctx, "sealing is no longer refused")
	}
	return err
}

func (s *Sealer) sealed(last storedCheckpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Sealed, s.state.SealedAt = last.Size, last.sealedAt
}

var errNoKey = errors.New("there is no key to sign with")

// tip is the end of the tree as it was last signed, and proven to be so.
type tip struct {
	storedCheckpoint
	frontier *frontier
}

// rootsAgree proves that the tree of the tip has the other checkpoint as a
// prefix.
func (t tip) rootsAgree(other mark, hashes tlog.HashReader) error {
	if other.size == 0 {
		return nil
	}
	if other.size == t.Size {
		if other.root != t.Root {
			return errors.New("two trees of one size")
		}
		return nil
	}
	proof, err := tlog.ProveTree(t.Size, other.size, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, t.Size, t.Root, other.size, other.root)
}
