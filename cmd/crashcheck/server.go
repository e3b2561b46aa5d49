package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// server is a private PostgreSQL.
type server struct{ *eventstoretest.Cluster }

// startServer: kills test what processes leave behind, not what disks keep.
func startServer() (*server, error) {
	cluster, err := eventstoretest.StartCluster("fsync=off", "full_page_writes=off", "shared_buffers=64MB")
	if err != nil {
		return nil, err
	}
	return &server{cluster}, nil
}

const (
	// A lost connection is opened again with a wait of up to a second between tries.
	afterBackends = 1500 * time.Millisecond
	afterRestart  = 3 * time.Second
)

// disturb kills the server's backends and restarts it, now in good order, now
// in the middle of everything. No deadline holds while it is away.
func (s *server) disturb(ctx context.Context, c *crash) error {
	rng := c.random(2)
	for eventstore.Pause(ctx, time.Second+time.Duration(rng.IntN(4000))*time.Millisecond) {
		began, after := time.Now(), afterBackends
		var err error
		if rng.IntN(3) == 0 {
			after = afterRestart
			err = s.Restart([]syscall.Signal{syscall.SIGINT, syscall.SIGQUIT}[rng.IntN(2)])
		} else {
			err = s.killBackends(ctx, rng)
		}
		c.record.outage(began, time.Now().Add(after))
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

func (s *server) killBackends(ctx context.Context, rng *rand.Rand) error {
	store, err := eventstore.Open(ctx, eventstore.Config{URL: s.URL, ReadOnly: true})
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = store.Reader().ExecContext(ctx,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND random() < $1`,
		0.3+0.7*rng.Float64())
	return err
}
