package ready

import (
	"context"
	"strings"
	"sync"
	"time"
)

const (
	lookEvery   = time.Second
	lookTimeout = 1500 * time.Millisecond
	looksFailed = 2 // in a row: one may be a database that is only busy
)

// Database tells since when the database is away. It looks often enough that this is known
// within 5 seconds, a database that does not answer at all included.
type Database struct {
	// CannotWrite returns the reasons why nothing can be written.
	CannotWrite func(ctx context.Context) (reasons []string)

	mu     sync.Mutex
	failed int
	since  time.Time // of the first look that failed
	why    string
}

// Run looks until ctx ends.
func (d *Database) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.look(ctx)
		}
	}
}

func (d *Database) look(ctx context.Context) {
	at := time.Now()
	looking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	reasons := d.CannotWrite(looking)
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(reasons) == 0 {
		d.failed, d.since, d.why = 0, time.Time{}, ""
		return
	}
	if d.failed == 0 {
		d.since = at
	}
	d.failed, d.why = d.failed+1, strings.Join(reasons, "; ")
}

// Away returns since when the database is away, and why; the zero time: it is not.
func (d *Database) Away() (since time.Time, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed < looksFailed {
		return time.Time{}, ""
	}
	return d.since, d.why
}
