package eventstore_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore/eventstoretest"
)

// TestNobodyIsForgottenInACrowd lets far more appends queue than share a
// transaction, while the log is held. Each must be answered.
func TestNobodyIsForgottenInACrowd(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		const crowd = 3 * 256
		s := db.Open(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var waiting, queued sync.WaitGroup
		err := s.InTx(ctx, func(tctx context.Context, _ *sql.Tx) error {
			if _, err := s.Append(tctx, appendOf(0, started(uuid.New()))); err != nil {
				return err
			}
			queued.Add(crowd)
			for range crowd {
				waiting.Go(func() {
					queued.Done()
					if _, err := s.Append(ctx, appendOf(0, started(uuid.New()))); err != nil {
						t.Errorf("an append was not answered: %v", err)
					}
				})
			}
			queued.Wait()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		waiting.Wait()
		assertGapFree(t, s, crowd+1)
	})
}
