package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// clock is one that is set by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) set(at time.Time) { c.at.Store(at.UnixMicro()) }

func (c *clock) now() time.Time { return time.UnixMicro(c.at.Load()) }

// TestRecordedInTheOrderOfPositions: a time must resolve to one position, whatever
// the clocks of instances do.
func TestRecordedInTheOrderOfPositions(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		db.Open(t) // migrates
		stores, clocks := make([]*eventstore.Store, 2), make([]*clock, 2)
		for i := range stores {
			clocks[i] = &clock{}
			s, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL, Now: clocks[i].now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			stores[i] = s
		}
		noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
		var want []time.Time
		for _, step := range []struct {
			by     int
			clock  time.Duration // past noon
			joined bool          // in a transaction of the caller's
			want   time.Duration
		}{
			{0, 0, false, 0},
			{0, time.Second, false, time.Second},
			{0, -time.Hour, false, time.Second}, // set back
			{0, -time.Hour, true, time.Second},
			{1, time.Minute, false, time.Minute}, // another instance, ahead
			{0, 30 * time.Second, false, time.Minute},
			{0, 31 * time.Second, false, time.Minute},
			{1, time.Minute + time.Microsecond, true, time.Minute + time.Microsecond},
			{0, 2 * time.Minute, false, 2 * time.Minute},
		} {
			clocks[step.by].set(noon.Add(step.clock))
			s := stores[step.by]
			write := func(ctx context.Context, _ *sql.Tx) error {
				_, err := s.Append(ctx, appendOf(0, started(uuid.New())))
				return err
			}
			err := write(t.Context(), nil)
			if step.joined {
				err = errors.Join(err, s.InTx(t.Context(), write))
				want = append(want, noon.Add(step.want))
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, noon.Add(step.want))
		}
		records, err := stores[0].Read(t.Context(), eventstore.Query{})
		if err != nil || len(records) != len(want) {
			t.Fatalf("%d events, want %d, %v", len(records), len(want), err)
		}
		for i, r := range records {
			if !r.RecordedAt.Equal(want[i]) {
				t.Errorf("position %d was recorded at %s, want %s", r.Position, r.RecordedAt, want[i])
			}
		}
	})
}
