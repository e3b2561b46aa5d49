package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"scrapelog/eventstore"
	"time"

	"github.com/ThreeDotsLabs/watermill"
)

// beginner is where a subscription sleeps. watermill-sql begins a transaction
// with options once per round, so it is here that the group waits for a commit,
// outside every transaction, and looks with a plain read first.
type beginner struct {
	*sql.DB
	s *subscription
}

var errStopped = errors.New("subscription has stopped")

// BeginTx implements wsql.Beginner. Without options it is a transaction before
// the first round.
func (b beginner) BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	if options == nil {
		return b.DB.BeginTx(ctx, nil)
	}
	b.s.endTx()
	if err := b.s.awaitEvents(); err != nil {
		if b.s.stopping.Err() != nil {
			b.s.closeInner() // between transactions: there is no ack that it could miss
			return nil, errStopped
		}
		return nil, err
	}
	return b.s.beginTx()
}

// endTx sees to what follows from the end of a transaction, however it ended.
func (s *subscription) endTx() {
	s.mu.Lock()
	tx := s.tx
	s.tx = nil
	s.mu.Unlock()
	if tx != nil {
		tx.Release()
	}
	s.store.progress.Fire()
}

func (s *subscription) beginTx() (*sql.Tx, error) {
	begun, err := s.store.Begin(s.stopping)
	if err != nil {
		return nil, err
	}
	tx := &transaction{Tx: begun}
	s.began = time.Now()
	if prepare := s.prepareTx(); prepare != "" {
		if _, err := tx.ExecContext(context.Background(), prepare); err != nil {
			_ = tx.Rollback()
			tx.Release()
			return nil, eventstore.Unavailable(s.stopping, "begin", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tx = tx
	clear(s.batched)
	return tx.Tx.Tx, nil
}

// prepareTx is, on SQLite, the savepoint that the ack releases. A projection on
// PostgreSQL need not wait for the disk: after a crash of the server its rows
// and its offset go back together.
func (s *subscription) prepareTx() string {
	switch {
	case s.store.Dialect() == eventstore.SQLite:
		return `SAVEPOINT feed`
	case s.cfg.Blocks:
		return `SET LOCAL synchronous_commit = off`
	}
	return ""
}

// awaitEvents returns when there is something to do.
func (s *subscription) awaitEvents() error {
	if !s.sleep(s.takeDelay(), nil) {
		return errStopped
	}
	for idle := s.takeIdle(); ; idle = false {
		offset, head, err := s.look()
		if err != nil {
			return err
		}
		if !s.sleep(s.committed(offset), nil) {
			return errStopped
		}
		rest := s.cfg.Poll
		if head > offset && !idle {
			if rest, err = s.untilPast(offset, head); rest <= 0 || err != nil {
				return err
			}
		}
		if !s.sleep(rest, s.wake) {
			return errStopped
		}
	}
}

// untilPast is how long the group may stay where it is. A few events that it is
// not handed are not worth a commit of their own each time: on SQLite every writer
// waits for it.
func (s *subscription) untilPast(offset, head int64) (time.Duration, error) {
	if len(s.meant) == 0 || head-offset > int64(s.cfg.Batch) {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(s.stopping, 5*time.Second)
	defer cancel()
	first, err := s.store.Read(ctx, eventstore.Query{After: offset, Types: s.meant, Limit: 1})
	if err != nil || len(first) > 0 {
		return 0, err
	}
	return s.cfg.Poll - time.Since(s.began), nil
}

// sleep ends early with a token of wake; false: the subscription stops.
func (s *subscription) sleep(d time.Duration, wake <-chan struct{}) bool {
	if s.stopping.Err() != nil {
		return false
	}
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.stopping.Done():
		return false
	case <-wake:
	case <-timer.C:
	}
	return true
}

func (s *subscription) look() (offset, head int64, err error) {
	ctx, cancel := context.WithTimeout(s.stopping, 5*time.Second)
	defer cancel()
	err = s.store.Reader().QueryRowContext(ctx, offsetLook, s.topic, s.cfg.Group).Scan(&offset, &head)
	if err != nil {
		return 0, 0, eventstore.Unavailable(s.stopping, "look for events", err)
	}
	return offset, head, nil
}

func (s *subscription) takeDelay() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delay
	s.delay = 0
	return d
}

func (s *subscription) takeIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.idle
	s.idle = false
	return idle
}

// committed compares the offset with where the last transaction would have moved
// it, and says how long to wait if it is not there: watermill-sql does not tell
// a failed commit from a good one, and would try again at once.
func (s *subscription) committed(offset int64) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	expected := s.acked
	s.acked = 0
	if offset >= s.failure.position {
		if s.failure.marked {
			s.store.Logger().Info("projection is no longer blocked", "group", s.cfg.Group, "position", s.failure.position)
		}
		s.failure = failure{}
	}
	switch {
	case expected > offset:
		s.faults++
		return s.backoff(s.faults)
	case expected > 0:
		s.faults = 0
	}
	return 0
}

// HandleError implements wsql.BackoffManager. It never asks watermill-sql to
// wait, which would grow its logger with each error: awaitEvents does the waiting.
func (s *subscription) HandleError(_ watermill.LoggerAdapter, nothing bool, err error) time.Duration {
	s.mu.Lock()
	acked, alone := s.acked, s.alone
	s.idle = err == nil && nothing
	s.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, sql.ErrTxDone), errors.Is(err, errStopped), s.stopping.Err() != nil: // nothing, or our own doing
	case acked > 0 && ownFault(err):
		s.ackFailed(acked, alone, err)
	default:
		s.faulted(err)
	}
	return 0
}

// ackFailed: a handler has broken the transaction without saying so, and only
// the ack found out. Which message it was shows when each comes alone.
func (s *subscription) ackFailed(position int64, alone bool, err error) {
	s.endTx()
	s.failed(position, fmt.Errorf("handler broke its transaction: %w", err), alone)
}

func (s *subscription) faulted(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults++
	s.acked = 0
	s.delay = max(s.delay, s.backoff(s.faults))
	s.store.failures.note(s.cfg.Group, Failure{At: time.Now(), Times: s.faults, Reason: err.Error()})
	if s.faults == 1 {
		s.store.Logger().Warn("consumer group cannot read; trying again", "group", s.cfg.Group, "error", err)
	}
}
