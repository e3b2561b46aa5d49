package eventstore

import (
	"context"
	"time"
)

// channel is the name that the trigger on events notifies. Changing the name here needs
// a migration of the trigger.
const channel = "scrapelog_events"

// startListening subscribes, on PostgreSQL, to the commits of other processes. The
// connection must be a direct one: a pooler such as pgbouncer drops LISTEN.
func (s *Store) startListening() {
	if s.dialect != Postgres {
		return
	}
	s.listen.Do(func() {
		s.tasks.Go(func() {
			for s.life.Err() == nil {
				err := s.hear(s.life)
				if s.life.Err() != nil {
					return
				}
				if s.deaf.due() {
					s.log.Warn("lost the connection that announces commits of other instances; polling until it is back", "error", err)
				}
				Pause(s.life, time.Second)
			}
		})
	})
}

func (s *Store) hear(ctx context.Context) error {
	conn, err := s.connectPostgres(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	s.commits.Fire() // for commits that no session listened to
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		s.commits.Fire()
	}
}
