package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"time"

	"scrapelog/eventstore"
	"scrapelog/projections"
)

// measureIdle: what the feed of an idle log costs this process, and whether
// anything is written meanwhile.
func measureIdle(ctx context.Context, b *bench, d eventstore.Dialect) error {
	url, err := b.database(ctx, d)
	if err != nil {
		return err
	}
	if err := makeTables(ctx, url); err != nil {
		return err
	}
	s, err := eventstore.Open(ctx, eventstore.Config{URL: url})
	if err != nil {
		return err
	}
	defer s.Close()
	stop, err := consume(s, projectionGroups()...)
	if err != nil {
		return err
	}
	time.Sleep(time.Second) // until it has settled
	before, busy := written(ctx, s, url), cpuTime()
	time.Sleep(b.idle)
	busy = cpuTime() - busy
	grown := written(ctx, s, url) - before
	share := 100 * busy.Seconds() / b.idle.Seconds()
	b.add(row{
		what: "idle, " + plural(len(projections.All()), "group"), database: d, ours: fmt.Sprintf("%.2f %% CPU, %d written", share, grown),
		goal: "≤ 0.5 %, 0", reached: judge(share <= 0.5 && grown == 0),
	})
	return stop()
}

// makeTables leaves no connection behind: one that is idle tells PostgreSQL's
// statistics of what it has written ten seconds later.
func makeTables(ctx context.Context, url string) error {
	s, err := eventstore.Open(ctx, eventstore.Config{URL: url})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	return projections.Ensure(ctx, s)
}

// written grows with everything that is written: it is the file's on SQLite, and
// on PostgreSQL the rows that were changed, since the WAL is the whole server's.
func written(ctx context.Context, s *eventstore.Store, url string) (size int64) {
	if path, lite := strings.CutPrefix(url, "sqlite:"); lite {
		if info, err := os.Stat(path + "-wal"); err == nil {
			size = info.Size()
		}
		return size
	}
	var rows sql.NullInt64
	_ = s.Reader().QueryRowContext(ctx, `SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = current_database()`).Scan(&rows)
	return rows.Int64
}
