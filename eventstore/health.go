package eventstore

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// mostWaiting is how long an append may take before it counts as waiting.
	mostWaiting = 3 * time.Second
	// mostFailed is how long a failed append counts where no other was tried since.
	mostFailed = 10 * time.Second
)

// appends records the progress and the failures of appends in this process.
type appends struct {
	mu     sync.Mutex
	began  time.Time // of the group that is being written; zero: none is
	failed time.Time // when the database last refused one; zero: one was written since
	err    error
}

func (a *appends) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began = time.Now()
}

func (a *appends) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began, a.failed, a.err = time.Time{}, time.Time{}, err
	if err != nil {
		a.failed = time.Now()
	}
}

// wait returns why appends are not written; empty: they are.
func (a *appends) wait() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if waiting := time.Since(a.began); !a.began.IsZero() && waiting > mostWaiting {
		return fmt.Sprintf("an append has waited for %s", waiting.Truncate(time.Second))
	}
	if !a.failed.IsZero() && time.Since(a.failed) < mostFailed {
		return fmt.Sprintf("appends fail: %v", a.err)
	}
	return ""
}

// CannotWrite lists why an event could not be appended now: the file that is
// open is no longer the one at its path, no connection is free for writing,
// or appends wait. It writes nothing.
func (s *Store) CannotWrite(ctx context.Context) (reasons []string) {
	if err := s.writable(ctx); err != nil {
		reasons = append(reasons, err.Error())
	}
	if wait := s.appends.wait(); wait != "" {
		reasons = append(reasons, wait)
	}
	return reasons
}

func (s *Store) writable(ctx context.Context) error {
	if s.dialect == SQLite {
		return s.file.same() // its one writer may be busy, and has its own errors
	}
	var readOnly bool
	err := s.write.QueryRowContext(ctx, `SELECT pg_is_in_recovery()`).Scan(&readOnly)
	switch {
	case err != nil:
		return Unavailable(ctx, "look for a connection", err)
	case readOnly:
		return fmt.Errorf("%w: the server is a standby, which takes no writes", ErrUnavailable)
	}
	return nil
}
