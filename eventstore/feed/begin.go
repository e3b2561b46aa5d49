package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"

	"scrapelog/eventstore"
)

// beginner is where a subscription sleeps. Watermill-sql begins a transaction with
// options once per round. There the group waits for events and reads them, outside
// of every transaction.
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
	r, err := s.await()
	if err == nil {
		err = s.begin(r)
	}
	if err != nil {
		if s.stopping.Err() != nil {
			s.closeInner() // between rounds no ack is on its way
			return nil, errStopped
		}
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

// await returns the next round when there is something to do. It asks for the offset
// after each round and at each poll; when a commit wakes it meanwhile, it reads at once.
func (s *subscription) await() (*round, error) {
	delay, idle := s.standing.delay, s.standing.idle
	s.standing.delay, s.standing.idle = 0, false
	if _, ok := s.sleep(delay, nil); !ok {
		return nil, errStopped
	}
	for ; ; idle = false {
		offset, head, err := s.look()
		if err != nil {
			return nil, err
		}
		if _, ok := s.sleep(s.committed(offset), nil); !ok {
			return nil, errStopped
		}
		r := &round{after: offset}
		for more := head > offset && !idle; ; more = true {
			if more {
				if err := s.read(r); err != nil {
					return nil, err
				}
			}
			rest := s.untilPast(r)
			if rest <= 0 {
				return r, nil
			}
			woken, ok := s.sleep(rest, s.wake)
			if !ok {
				return nil, errStopped
			}
			if !woken || idle { // another instance may have moved the offset
				break
			}
		}
	}
}

// untilPast returns how long the offset may stay where it is. A few events that the
// group is not handed are not worth a commit each time: on SQLite every other
// writer waits for it.
func (s *subscription) untilPast(r *round) time.Duration {
	switch {
	case r.due:
		return 0
	case r.count == 0:
		return s.cfg.Poll
	}
	return s.cfg.Poll - time.Since(s.standing.began)
}

// sleep returns early, and woken, with a token of wake. Not ok: the subscription stops.
func (s *subscription) sleep(d time.Duration, wake <-chan struct{}) (woken, ok bool) {
	if s.stopping.Err() != nil {
		return false, false
	}
	if d <= 0 {
		return false, true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.stopping.Done():
		return false, false
	case <-wake:
		return true, true
	case <-timer.C:
		return false, true
	}
}

func (s *subscription) look() (offset, head int64, err error) {
	ctx, cancel := context.WithTimeout(s.stopping, readTimeout)
	defer cancel()
	err = s.feed.Reader().QueryRowContext(ctx, offsetLook, s.topic, s.cfg.Group).Scan(&offset, &head)
	return offset, head, eventstore.Unavailable(s.stopping, "look for events", err)
}

// HandleError implements wsql.BackoffManager. It never asks watermill-sql to wait,
// which would grow its logger with each error: await waits.
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
	s.failed(r, fmt.Errorf("handler broke its transaction: %w", err), true)
	return 0
}
