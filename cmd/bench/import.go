package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// importBatch is how many events share a transaction.
const importBatch = 1000

const importWhy = "both write row by row through one prepared statement; ours has one index more, is asked whether both documents are JSON, and has the trigger that keeps the log append-only, which asks three questions for each row"

// measureImport: a thousand events in one append, beside a thousand plain INSERTs
// in one transaction.
func measureImport(ctx context.Context, b *bench, d eventstore.Dialect) error {
	s, err := b.store(ctx, d)
	if err != nil {
		return err
	}
	defer s.Close()
	pool, insert, err := b.plainTable(ctx, d, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	stream := &imported{}
	got, err := b.contest(ctx, d, b.turn, []int{1}, []contender{
		{"scrapelog", func(ctx context.Context, _ int) error { return stream.append(ctx, s) }, importBatch},
		{"plain INSERT", func(ctx context.Context, _ int) error { return insertBatch(ctx, pool, insert) }, importBatch},
	})
	if err != nil {
		return err
	}
	b.atLeast(d, "import, batches of 1,000", got["scrapelog"][1], "plain INSERTs, 1,000 to a transaction", got["plain INSERT"][1], 1.5, importWhy)
	return nil
}

// imported is a stream that grows by batches.
type imported struct{ version int64 }

func (i *imported) append(ctx context.Context, s *eventstore.Store) error {
	at := time.Now().UTC()
	a := eventstore.Append{Stream: domain.ScraperStream("shop"), Expected: i.version, Events: make([]eventstore.NewEvent, importBatch)}
	metadata := newMetadata()
	for n := range a.Events {
		e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at}, By: "user:bench", Reason: detail}
		a.Events[n] = eventstore.NewEvent{Event: e, Metadata: metadata}
	}
	_, err := s.Append(ctx, a)
	if err == nil {
		i.version += importBatch
	}
	return err
}

func insertBatch(ctx context.Context, pool *sql.DB, insert *sql.Stmt) error {
	events, err := sample()
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	in := tx.StmtContext(ctx, insert)
	for n := range importBatch {
		e, id := events[n%len(events)], uuid.Must(uuid.NewV7()).String()
		if _, err := in.ExecContext(ctx, "run-"+id, 1, id, e.kind, string(e.data), string(e.metadata), time.Now().UnixMicro()); err != nil {
			return err
		}
	}
	return tx.Commit()
}
