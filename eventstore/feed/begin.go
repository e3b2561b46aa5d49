package feed

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill"

	"scrapelog/eventstore"
)

// beginner is where a subscription sleeps. Watermill-sql begins a transaction with
// options once per round. There the group waits for a commit, outside of every
// transaction, and looks with a plain read first.
type beginner struct {
	*sql.DB
	s *subscription
}

var errStopped = errors.New("subscription has stopped")

// BeginTx implements wsql.Beginner. The one transaction without options comes
// before the first round.
func (b beginner) BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	if options == nil {
		return b.DB.BeginTx(ctx, nil)
	}
	s := b.s
	s.endRound()
	if err := s.awaitEvents(); err != nil {
		if s.stopping.Err() != nil {
			s.closeInner() // between rounds no ack is on its way
			return nil, errStopped
		}
		return nil, err
	}
	r, err := s.begin()
	if err != nil {
		return nil, err
	}
	s.round, s.standing.began = r, time.Now()
	return r.tx.Tx, nil
}

// endRound drops the round, whose transaction was committed or rolled back.
func (s *subscription) endRound() {
	if r := s.round; r != nil {
		s.round, s.standing.expected = nil, r.acked
		r.tx.Release()
		if s.feed.Handled != nil && r.acked > 0 {
			s.feed.Handled(s.cfg.Group, time.Since(s.standing.began))
		}
	}
	s.feed.progress.Fire()
}

// awaitEvents returns when there is something to do.
func (s *subscription) awaitEvents() error {
	delay, idle := s.standing.delay, s.standing.idle
	s.standing.delay, s.standing.idle = 0, false
	if !s.sleep(delay, nil) {
		return errStopped
	}
	for ; ; idle = false {
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

// untilPast returns how long the offset may stay where it is. A few events that the
// group is not handed are not worth a commit each time: on SQLite every other
// writer waits for it.
func (s *subscription) untilPast(offset, head int64) (time.Duration, error) {
	if len(s.meant) == 0 || head-offset > int64(s.cfg.Batch) {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(s.stopping, 5*time.Second)
	defer cancel()
	first, err := s.feed.Read(ctx, eventstore.Query{After: offset, Types: s.meant, Limit: 1})
	if err != nil || len(first) > 0 {
		return 0, err
	}
	return s.cfg.Poll - time.Since(s.standing.began), nil
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
	err = s.feed.Reader().QueryRowContext(ctx, offsetLook, s.topic, s.cfg.Group).Scan(&offset, &head)
	if err != nil {
		return 0, 0, eventstore.Unavailable(s.stopping, "look for events", err)
	}
	return offset, head, nil
}

// HandleError implements wsql.BackoffManager. It never asks watermill-sql to wait,
// which would grow its logger with each error: awaitEvents waits.
func (s *subscription) HandleError(_ watermill.LoggerAdapter, nothing bool, err error) time.Duration {
	s.standing.idle = err == nil && nothing
	if err == nil || errors.Is(err, sql.ErrTxDone) || errors.Is(err, errStopped) || s.stopping.Err() != nil {
		return 0 // no fault, or our own rollback or stop
	}
	r := s.round
	if r == nil || r.acked == 0 || !ownFault(err) {
		if r != nil {
			r.acked = 0
		}
		s.faulted(err)
		return 0
	}
	s.endRound()
	s.ackFailed(r.acked, r.limit == 1, err)
	return 0
}
