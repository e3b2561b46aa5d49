package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"scrapelog/eventstore"
)

const (
	// Lets a group begin with the event at a position, or after the last one.
	offsetBegin = `INSERT INTO consumer_offsets (topic, consumer_group, position)
SELECT $1, $2, CASE WHEN CAST($3 AS bigint) BETWEEN 1 AND head THEN CAST($3 AS bigint) - 1 ELSE head END
FROM (SELECT coalesce(max(position), 0) AS head FROM events) AS log
WHERE true
ON CONFLICT DO NOTHING`
	// No row: another instance holds the group.
	offsetHold = `SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2 FOR UPDATE SKIP LOCKED`
	// Not if another instance has moved the group meanwhile.
	offsetWait = `UPDATE consumer_offsets SET blocked_by = $1 WHERE topic = $2 AND consumer_group = $3 AND position = $4`
)

// relayPrefix begins the name of each group that is a Relay.
const relayPrefix = "forward:"

const (
	relayBatch = 100
	relayBytes = 1 << 20 // the event that brings the batch to it is the last
)

// Relay is a consumer group that hands the events of the log to another system, in log
// order and at least once. No page, run or notice waits for it: it reads and sends outside
// of every transaction of SQLite, where the process that serves the log is the only one.
// On PostgreSQL it holds the row of its offset meanwhile, so that one instance sends at a
// time.
type Relay struct {
	// Name is persistent: under another one the group begins where From says.
	Name string
	// From is the position of the event that the group begins with. 0 or one that is not
	// there yet: it begins with the first event after the first call of Relay.
	From int64
	// Send hands over events and returns how many of them, from the first, the other system
	// has confirmed. The error says why it did not confirm the next one. Send must return
	// within 10 s: see idle_in_transaction_session_timeout.
	Send func(ctx context.Context, events []eventstore.Recorded) (confirmed int, err error)

	// Backoff is the wait after the first failure, doubled up to MaxBackoff. Poll is how long
	// the group sleeps when no commit wakes it. Defaults: those of Config.
	Backoff, MaxBackoff, Poll time.Duration
}

func (r Relay) group() string { return relayPrefix + r.Name }

// relays are the names of the groups that this process runs.
type relays struct {
	mu    sync.Mutex
	names []string
}

func (r *relays) add(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, name)
}

func (r *relays) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.names, name)
}

// Relay runs a relay until ctx ends. What goes wrong is logged once, shown by [Feed.Relays]
// and tried again.
func (s *Feed) Relay(ctx context.Context, r Relay) error {
	defaults := Config{Backoff: r.Backoff, MaxBackoff: r.MaxBackoff, Poll: r.Poll}
	defaults.setDefaults(s.Dialect())
	r.Backoff, r.MaxBackoff, r.Poll = defaults.Backoff, defaults.MaxBackoff, defaults.Poll
	s.relays.add(r.group())
	wake, stop := s.Wake()
	defer stop()
	begin := func(ctx context.Context) error { return s.beginRelay(ctx, r) }
	if err := eventstore.Retry(ctx, s.Logger(), eventstore.Transient, begin); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("consumer group %s: %w", r.group(), err)
	}
	for failures := 0; ctx.Err() == nil; {
		moved, err := s.relayBatch(ctx, r)
		if err != nil && !errors.Is(err, errElsewhere) {
			failures++
			s.relayFailed(ctx, r, failures, err)
			eventstore.Pause(ctx, min(r.Backoff<<min(failures-1, 20), r.MaxBackoff))
			continue
		}
		if err == nil && failures > 0 {
			s.Logger().Info("events are forwarded again", "group", r.group(), "times", failures)
			failures = 0
		}
		if moved == 0 {
			awaitWake(ctx, wake, r.Poll)
		}
	}
	return nil
}

func awaitWake(ctx context.Context, wake <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// beginRelay notes where the group begins, unless it has begun before.
func (s *Feed) beginRelay(ctx context.Context, r Relay) error {
	_, err := s.Exec(ctx, "begin "+r.group(), offsetBegin, eventstore.Topic, r.group(), r.From)
	return err
}

// relayBatch sends the next events, and moves the offset past those that were confirmed.
func (s *Feed) relayBatch(ctx context.Context, r Relay) (moved int, err error) {
	began := time.Now()
	if s.Dialect() == eventstore.SQLite {
		moved, err = s.sendNext(ctx, r, s.Offset)
	} else {
		failed := s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			moved, err = s.sendNext(ctx, r, func(ctx context.Context, group string) (position int64, err error) {
				return position, tx.QueryRowContext(ctx, offsetHold, eventstore.Topic, group).Scan(&position)
			})
			return nil // an event that was not sent does not undo the offset of those that were
		})
		err = errors.Join(err, failed)
	}
	if moved > 0 && s.Handled != nil {
		s.Handled(r.group(), time.Since(began))
	}
	return moved, err
}

// errElsewhere: another instance holds the group.
var errElsewhere = errors.New("another instance forwards")

// sendNext sends what follows the offset.
func (s *Feed) sendNext(ctx context.Context, r Relay, offset func(ctx context.Context, group string) (int64, error)) (int, error) {
	position, err := offset(ctx, r.group())
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errElsewhere
	}
	if err != nil {
		return 0, eventstore.Unavailable(ctx, "offset of "+r.group(), err)
	}
	events, err := s.Read(ctx, eventstore.Query{After: position, Limit: relayBatch, Bytes: relayBytes})
	if err != nil || len(events) == 0 {
		return 0, err
	}
	confirmed, err := r.send(ctx, events)
	if err != nil {
		err = &notSentError{events[confirmed].Position, err}
	}
	if confirmed == 0 {
		return 0, err
	}
	// What was confirmed is noted also while this process stops.
	_, failed := s.Exec(context.WithoutCancel(ctx), "offset of "+r.group(), offsetAck, events[confirmed-1].Position, eventstore.Topic, r.group())
	return confirmed, errors.Join(err, failed)
}

// send is Send. A panic of another system's library does not end the service.
func (r Relay) send(ctx context.Context, events []eventstore.Recorded) (confirmed int, err error) {
	defer func() {
		if p := recover(); p != nil {
			confirmed, err = 0, fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Send(ctx, events)
}

// notSentError reports an event that the other system did not confirm.
type notSentError struct {
	position int64
	err      error
}

func (e *notSentError) Error() string { return e.err.Error() }

func (e *notSentError) Unwrap() error { return e.err }

// relayFailed logs the first of several failures, and shows it to every instance.
func (s *Feed) relayFailed(ctx context.Context, r Relay, failures int, reason error) {
	if ctx.Err() != nil {
		return
	}
	failure := Failure{At: time.Now(), Times: failures, Reason: reason.Error()}
	at, unsent := errors.AsType[*notSentError](reason)
	if unsent {
		failure.Position = at.position
	}
	s.failures.note(r.group(), failure)
	if failures > 1 {
		return
	}
	s.Logger().Warn("events cannot be forwarded, retrying", "group", r.group(), "position", failure.Position, "error", reason)
	if !unsent {
		return
	}
	if _, err := s.Exec(ctx, "record the wait", offsetWait, fmt.Sprintf("position %d: %v", at.position, reason), eventstore.Topic, r.group(), at.position-1); err != nil {
		s.Logger().Debug("the wait could not be recorded", "group", r.group(), "error", err)
	}
}

// Relays lists the relays that this process runs, by name.
func (s *Feed) Relays(ctx context.Context) ([]Group, error) {
	groups, err := s.groups(ctx)
	return slices.DeleteFunc(groups, func(g Group) bool { return !s.relays.has(g.Name) }), err
}
