package feed

import (
	"context"
	"errors"
	"time"

	"scrapelog/eventstore"
)

// standing is what a consumer knows of its group from one round to the next.
type standing struct {
	expected int64         // the offset if the commit of the last round took effect; 0: it moved nothing
	failure  failure       // of the message that is being tried again
	faults   int           // rounds in a row in which the database failed
	delay    time.Duration // before the next round
	idle     bool          // the last round found no message, even if the log is ahead
	began    time.Time     // the last round
}

// failure is what is known of a batch that could not be handled.
type failure struct {
	position int64 // of the event at fault; of the last one if it is not known
	attempts int   // by our own code; errors of the database do not count
	rounds   int
	marked   bool // in the database, as the reason why the group is blocked
	reason   error
}

// failed records that a batch could not be handled. Its round was rolled back. If its
// handler has not told which event is at fault, that shows when each is alone.
func (s *subscription) failed(r *round, reason error, counts bool) {
	s.standing.expected = 0
	position, named := r.last.Position, r.count == 1
	if at, ok := errors.AsType[*eventError](reason); ok {
		position, named = at.position, true
	}
	f := &s.standing.failure
	if f.position != position {
		*f = failure{position: position}
	}
	f.rounds++
	f.reason = reason
	if counts && named {
		f.attempts++
	}
	s.standing.delay = s.backoff(f.rounds)
	s.feed.failures.note(s.cfg.Group, Failure{At: time.Now(), Position: position, Times: f.rounds, Reason: reason.Error()})
	switch {
	case !named:
		s.log().Warn("events could not be handled together, handling each alone", "group", s.cfg.Group, "position", position, "events", r.count, "error", reason)
	case !f.marked: // else it was logged when the group was marked as blocked
		s.log().Warn("event could not be handled", "group", s.cfg.Group, "position", position, "attempt", f.rounds, "error", reason)
	}
	if s.cfg.Blocks && f.attempts >= s.cfg.Attempts && !f.marked {
		f.marked = s.block(position, reason)
	}
}

// block records, where every process can read it, that a projection is blocked.
// The message is tried further; the first good attempt removes the mark.
func (s *subscription) block(position int64, reason error) (marked bool) {
	s.log().Error("projection is blocked", "group", s.cfg.Group, "position", position, "error", reason)
	ctx, cancel := context.WithTimeout(s.stopping, 5*time.Second)
	defer cancel()
	if err := s.feed.markBlocked(ctx, s.topic, s.cfg.Group, position, reason); err != nil {
		s.log().Warn("the block could not be recorded", "group", s.cfg.Group, "error", err)
		return false
	}
	return true
}

// givenUp returns the reason if the event of a reaction is to become a dead letter.
func (s *subscription) givenUp(r *round) error {
	f := s.standing.failure
	if s.cfg.Blocks || f.position != r.last.Position || f.attempts < s.cfg.Attempts {
		return nil
	}
	return f.reason
}

// bury records the dead letter in the transaction that moves the offset past it.
func (s *subscription) bury(ctx context.Context, r *round, reason error) error {
	position := r.last.Position
	_, err := r.tx.ExecContext(ctx, deadLetterAdd, s.topic, s.cfg.Group, position, reason.Error(), time.Now().UnixMicro())
	if err != nil {
		return errors.Join(eventstore.ErrUnavailable, err)
	}
	s.log().Error("event became a dead letter", "group", s.cfg.Group, "position", position, "error", reason)
	return nil
}

// faulted records that the database failed in a round.
func (s *subscription) faulted(err error) {
	s.standing.faults++
	s.standing.delay = max(s.standing.delay, s.backoff(s.standing.faults))
	s.feed.failures.note(s.cfg.Group, Failure{At: time.Now(), Times: s.standing.faults, Reason: err.Error()})
	if s.standing.faults == 1 {
		s.log().Warn("consumer group cannot read, retrying", "group", s.cfg.Group, "error", err)
	}
}

// committed compares the offset with the one that the last round should have left,
// and returns how long to wait if the two differ: watermill-sql does not tell a
// failed commit from a good one and would try again at once.
func (s *subscription) committed(offset int64) (wait time.Duration) {
	expected := s.standing.expected
	s.standing.expected = 0
	if offset >= s.standing.failure.position {
		if s.standing.failure.marked {
			s.log().Info("projection is no longer blocked", "group", s.cfg.Group, "position", s.standing.failure.position)
		}
		s.standing.failure = failure{}
	}
	switch {
	case expected > offset:
		s.standing.faults++
		return s.backoff(s.standing.faults)
	case expected > 0:
		s.standing.faults = 0
	}
	return 0
}

func (s *subscription) backoff(round int) time.Duration {
	return min(s.cfg.Backoff<<min(round-1, 20), s.cfg.MaxBackoff)
}
