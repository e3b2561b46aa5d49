package ready

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/eventstore/eventstoretest"
)

// The guards are proven when a start is over, and not a minute later.
func TestGuardsAreProvenAfterTheStart(t *testing.T) {
	s := eventstoretest.SQLite(t).Open(t)
	if _, err := s.Append(t.Context(), eventstoretest.AppendOf(0, eventstoretest.Started(uuid.New()))); err != nil {
		t.Fatal(err)
	}
	i := Inspect(t.Context(), s, nil, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- i.Run(ctx) }()
	err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE scraper_guard SET paused = NOT paused`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	i.Begun()
	for deadline := time.Now().Add(eventstoretest.Patience); ; time.Sleep(time.Millisecond) {
		wrong, _ := i.Found()
		if len(wrong) == 1 && strings.Contains(wrong[0], "guard of scraper shop") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("found %q", wrong)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
