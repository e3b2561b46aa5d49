package proof

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Config names the log to seal and the files of its proof.
type Config struct {
	Store    *eventstore.Store
	Files    Files         // what is left out is filled in by FilesOf
	Interval time.Duration // how long an event may go unsealed; default 1 s
	Batch    int           // how many may; default 1,000
	Logger   *slog.Logger
	// Begin makes a key for a log that has events already, if nothing was ever signed
	// of them: a person has asked for it.
	Begin bool
	// Signed is told each checkpoint that this process has signed, once the database has
	// it. It must not wait. Optional.
	Signed func(c Checkpoint, note string)
}

// lastSeal bounds how long a stop may take to sign the last events.
const lastSeal = 5 * time.Second

// Sealer signs the log as it grows. At most one seals a database at a time: on
// PostgreSQL any number may run and a lock makes them take turns; on SQLite
// only the process that holds the serving lock may have one.
//
// A log that was sealed before is refused while its key or its copy outside is
// missing, or does not agree with the database. On PostgreSQL an instance that has
// not got them stands by while another one seals.
type Sealer struct {
	store    *eventstore.Store
	files    Files
	outside  outsideReader
	kept     string // what its checkpoints are marked with
	begin    bool   // a key may be made for a log that has events
	begun    bool   // and was
	interval time.Duration
	batch    int
	signed   func(c Checkpoint, note string)
	log      *slog.Logger

	turn    sync.Mutex // held while the log is sealed or checked
	key     *Key       // nil: seals nothing
	lacking error      // why there is no key, or no file beside it
	checked bool       // the tail was looked at since the start
	trouble string     // logged already

	caughtUp bool // the file outside had everything since it was read as a whole

	mu    sync.Mutex
	state State
}

// State is the state of the sealing of a log.
type State struct {
	Sealed    int64     `json:"sealed"` // how many events the last checkpoint covers
	SealedAt  time.Time `json:"sealed_at,omitzero"`
	CheckedAt time.Time `json:"-"`                 // when this process last found the log to follow from what was signed
	Refused   string    `json:"refused,omitempty"` // why nothing is signed and no run may start; a sentence
	Idle      string    `json:"idle,omitempty"`    // why this process does not seal; a sentence
	Weak      []string  `json:"weak,omitempty"`    // why other users could change the proof; sentences
}

// Warnings returns what is degraded although runs are started.
func (s State) Warnings() []string {
	if s.Idle == "" {
		return s.Weak
	}
	return append([]string{s.Idle}, s.Weak...)
}

// Open loads the key, makes one for a log that is empty, and checks the log
// against its last checkpoints: call it before anything is appended. That nothing
// can be sealed is a warning. A log that was sealed before and does not follow from
// what was signed, or whose proof is not here, is no error either: Refused says so.
func Open(ctx context.Context, cfg Config) (*Sealer, error) {
	s := &Sealer{
		store: cfg.Store, begin: cfg.Begin, interval: cmp.Or(cfg.Interval, time.Second), batch: cmp.Or(cfg.Batch, 1000), signed: cfg.Signed,
		log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
	}
	files, err := FilesOf(ctx, cfg.Store, cfg.Files)
	if errors.Is(err, eventstore.ErrUnavailable) {
		return nil, err
	}
	s.lacking = err
	if err == nil {
		s.files, s.outside = files, outsideReader{outsideFile: outsideFile{files.Checkpoints}}
		s.kept = keptIn(cfg.Store.Dialect(), files.Checkpoints)
	}
	if err := s.Check(ctx); errors.Is(err, eventstore.ErrUnavailable) {
		return nil, err
	} else if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	} else if err != nil {
		s.log.WarnContext(ctx, "the log is not sealed; it will be tried again", "error", err)
	}
	return s, nil
}

func idleBecause(err error) string {
	return fmt.Sprintf("The log is not sealed by this process: %v.", err)
}

// Refused returns in a sentence why nothing is signed any more; empty if all is well.
// While it is not empty the service must start no runs.
func (s *Sealer) Refused() string { return s.State().Refused }

// State returns the state of the sealing.
func (s *Sealer) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Files returns the files of the proof of this log.
func (s *Sealer) Files() Files { return s.files }

// Run seals until ctx ends, and then once more: end it after everything that
// appends. It never ends early; what goes wrong is logged and tried again.
func (s *Sealer) Run(ctx context.Context) error {
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
	case errors.As(err, &refused), errors.Is(err, errStandingBy): // logged where it is kept
	case err != nil:
		s.log.WarnContext(ctx, "the log could not be sealed; it will be tried again", "error", err)
	default:
		s.log.InfoContext(ctx, "the log is being sealed again")
	}
}

// Refusal is an error that says why the log is not signed: it does not follow from what
// was signed before.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// Unwrap tells that it is a refusal and no failure.
func (r *Refusal) Unwrap() error { return domain.ErrConflict }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// unread is the copy outside that cannot be read: a refusal, unless this process or
// machine had no descriptor left, which passes.
func unread(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("%w: the copy of the checkpoints outside: %w", eventstore.ErrUnavailable, err)
	}
	return refuse("The copy of the checkpoints outside cannot be read: %v.", err)
}

// keep remembers a refusal, or that there is none.
func (s *Sealer) keep(ctx context.Context, err error) error {
	var refused *Refusal
	var reason, idle string
	switch {
	case errors.As(err, &refused):
		reason = refused.Reason
	case errors.Is(err, errStandingBy):
		idle = idleBecause(err)
	case err != nil: // says nothing about the log
		s.mu.Lock()
		s.state.Idle = idleBecause(err)
		s.mu.Unlock()
		return err
	}
	s.mu.Lock()
	before := s.state
	s.state.Refused, s.state.Idle = reason, idle
	if err == nil {
		s.state.CheckedAt = time.Now()
	}
	s.mu.Unlock()
	switch {
	case before.Refused != reason && reason != "":
		s.log.ErrorContext(ctx, "sealing refused; no runs are started", "reason", reason, "folder", filepath.Dir(s.files.Checkpoints))
	case before.Refused != reason:
		s.log.InfoContext(ctx, "sealing is no longer refused")
	}
	if idle != "" && before.Idle != idle {
		s.log.WarnContext(ctx, "the log is not sealed by this process", "error", err)
	}
	return err
}

func (s *Sealer) sealed(last storedCheckpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Sealed, s.state.SealedAt = last.Size, last.sealedAt
}

// tip is the end of the tree as it was last signed, and proven to be so.
type tip struct {
	storedCheckpoint
	frontier *frontier
}

// rootsAgree proves that the tree of the tip has the other checkpoint as a
// prefix.
func (t tip) rootsAgree(other mark, hashes tlog.HashReader) error {
	if other.Size == 0 {
		return nil
	}
	if other.Size == t.Size {
		if other.Root != t.Root {
			return errors.New("two trees of one size")
		}
		return nil
	}
	proof, err := tlog.ProveTree(t.Size, other.Size, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, t.Size, t.Root, other.Size, other.Root)
}
