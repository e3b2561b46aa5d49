package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// subscription is one consumer of a group. Two goroutines share it:
// watermill-sql's, which begins transactions (see begin.go), reads batches and
// acks them, and ours, which hands each message on and decides what becomes of
// its transaction. They take turns: ours works while the other waits for an ack.
type subscription struct {
	store  *Feed
	cfg    Config
	topic  string
	meant  []string // the wire names of what it is handed; none: whatever comes
	logger watermill.LoggerAdapter
	inner  *wsql.Subscriber

	stopping   context.Context
	stop       context.CancelFunc
	innerClose sync.Once
	ended      chan struct{}
	wake       <-chan struct{}
	unwake     func()
	began      time.Time // the last transaction; watermill-sql's goroutine's alone

	mu      sync.Mutex
	tx      *transaction                             // the one that watermill-sql works in; nil after it was rolled back
	batched map[*message.Message]eventstore.Recorded // the batch of tx
	last    int64                                    // its last position
	acked   int64                                    // position up to which tx would move the offset
	failure failure                                  // of the message that is being tried again
	alone   bool                                     // the batch of tx is one message
	delay   time.Duration                            // before the next transaction
	faults  int                                      // rounds in a row that the database failed
	idle    bool                                     // the last round found nothing, whatever a look says
}

// failure is what is known of a message that could not be handled.
type failure struct {
	position int64
	attempts int // by our own code; errors of the database do not count
	rounds   int
	marked   bool // as what blocks the group
	reason   error
}

// forever stands for watermill-sql's ack deadline, which commits what the
// overstaying handler wrote, without its ack. HandlerTimeout takes its place.
const forever = 365 * 24 * time.Hour

func newSubscription(store *Feed, cfg Config, topic string, logger watermill.LoggerAdapter) (*subscription, error) {
	s := &subscription{store: store, cfg: cfg, topic: topic, logger: logger, ended: make(chan struct{}), batched: map[*message.Message]eventstore.Recorded{}}
	if topic == eventstore.Topic && len(cfg.Types) < len(domain.EventTypes) {
		for _, name := range cfg.Types {
			s.meant = append(s.meant, domain.WireNames(name)...)
		}
	}
	deadline := forever
	inner, err := wsql.NewSubscriber(beginner{s.store.Writer(), s}, wsql.SubscriberConfig{
		ConsumerGroup:  cfg.Group,
		AckDeadline:    &deadline,
		BackoffManager: s,
		SchemaAdapter:  schema{s},
		OffsetsAdapter: offsets{store.Dialect()},
	}, logger)
	if err != nil {
		return nil, fmt.Errorf("feed of %s: %w", cfg.Group, err)
	}
	s.inner = inner
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.wake, s.unwake = store.Wake()
	return s, nil
}

func (s *subscription) run(in <-chan *message.Message, out chan<- *message.Message) {
	defer close(out)
	for msg := range in {
		s.deliver(msg, out)
	}
	s.end()
}

func (s *subscription) end() {
	s.endTx()
	s.unwake()
	close(s.ended)
}

// closeInner must not be called while watermill-sql has an ack yet to see: it
// would choose between the ack and the end at random, and commit the rows
// without the offset.
func (s *subscription) closeInner() { s.innerClose.Do(func() { go func() { _ = s.inner.Close() }() }) }

// deliver returns when the message is settled or the subscription stops.
func (s *subscription) deliver(msg *message.Message, out chan<- *message.Message) {
	tx, r := s.txOf(msg)
	if tx == nil { // rolled back: watermill-sql goes through the rest of the batch, and then finds out
		msg.Ack()
		return
	}
	if s.stopping.Err() != nil {
		s.leave(tx)
		return
	}
	if reason := s.givenUp(r.Position); reason != nil {
		s.bury(tx, msg, r.Position, reason)
		return
	}
	if !s.handles(r) {
		s.succeed(tx, msg, r.Position)
		return
	}
	delivered, err := s.handle(tx, msg, r, out)
	switch {
	case !delivered:
		s.leave(tx)
	case err != nil:
		s.fail(tx, msg, r.Position, err)
	default:
		s.succeed(tx, msg, r.Position)
	}
}

// leave stops at a message: what was handled before it is committed.
func (s *subscription) leave(tx *transaction) {
	if err := s.flush(tx); err != nil {
		_ = tx.Rollback() // it comes again, to whoever is next
		tx.Release()
	}
	s.closeInner()
}

func (s *subscription) handles(r eventstore.Recorded) bool {
	return len(s.cfg.Types) == 0 || slices.Contains(s.cfg.Types, domain.Current(r.Type))
}

// handle hands the event on and waits until it is settled. The message is one of
// its own, so that nothing the consumer does to it reaches watermill-sql.
func (s *subscription) handle(tx *transaction, msg *message.Message, r eventstore.Recorded, out chan<- *message.Message) (delivered bool, err error) {
	event, err := r.Event()
	if err != nil {
		return true, err
	}
	verdict := &verdict{}
	ctx := context.WithValue(tx.Context(msg.Context()), verdictKey{}, verdict)
	ctx = context.WithValue(ctx, txKey{}, tx)
	ctx = context.WithValue(ctx, carriedKey{}, carried{r, event})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handed := messageOf(r)
	handed.SetContext(ctx)
	patience := time.NewTimer(s.cfg.HandlerTimeout)
	defer patience.Stop()
	select {
	case out <- handed:
	case <-patience.C: // on SQLite nobody else writes meanwhile
		return true, fmt.Errorf("%w within %s", errNotTaken, s.cfg.HandlerTimeout)
	case <-s.stopping.Done():
		return false, nil
	}
	patience.Reset(s.cfg.HandlerTimeout)
	select {
	case <-handed.Acked():
		return true, nil
	case <-handed.Nacked():
		return true, verdict.reason()
	case <-patience.C:
		return true, fmt.Errorf("handler took longer than %s", s.cfg.HandlerTimeout)
	}
}

// txOf is the transaction in which a message came, nil if that was rolled back,
// and the event that the message carries.
func (s *subscription) txOf(msg *message.Message) (*transaction, eventstore.Recorded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inner, ok := wsql.TxFromContext(msg.Context()); ok && s.tx != nil && s.tx.Tx.Tx == inner {
		return s.tx, s.batched[msg]
	}
	return nil, eventstore.Recorded{}
}

// scanned is told of every message of a batch before the first is delivered.
func (s *subscription) scanned(msg *message.Message, r eventstore.Recorded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batched[msg], s.last = r, r.Position
}

// succeed acks a message. The last of a batch is only handled when all that was
// kept in memory is written; if that fails, nobody knows whose fault it is until
// each message comes alone.
func (s *subscription) succeed(tx *transaction, msg *message.Message, position int64) {
	s.mu.Lock()
	last, alone := s.last, s.alone
	s.mu.Unlock()
	if position == last {
		if err := s.flush(tx); err != nil {
			s.refuse(tx, msg, position, err, alone && ownFault(err))
			return
		}
	}
	s.mu.Lock()
	s.acked = position
	s.mu.Unlock()
	msg.Ack()
}

// batch falls to one message while one fails, so that it fails alone.
func (s *subscription) batch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alone = s.failure.rounds > 0
	if s.alone {
		return 1
	}
	return s.cfg.Batch
}

func (s *subscription) fail(tx *transaction, msg *message.Message, position int64, reason error) {
	s.refuse(tx, msg, position, reason, ownFault(reason))
}

// refuse rolls the transaction back, with all that was written in it, and lets
// the messages of the batch come again after a pause.
func (s *subscription) refuse(tx *transaction, msg *message.Message, position int64, reason error, counts bool) {
	_ = tx.Rollback()
	tx.Release()
	s.failed(position, reason, counts)
	msg.Ack() // of a transaction that is no more
}

// failed keeps account of a message whose transaction was rolled back.
func (s *subscription) failed(position int64, reason error, counts bool) {
	s.mu.Lock()
	if s.failure.position != position {
		s.failure = failure{position: position}
	}
	s.failure.rounds++
	s.failure.reason = reason
	if counts {
		s.failure.attempts++
	}
	s.tx, s.acked = nil, 0
	s.delay = s.backoff(s.failure.rounds)
	f := s.failure
	s.mu.Unlock()
	s.store.failures.note(s.cfg.Group, Failure{At: time.Now(), Position: position, Times: f.rounds, Reason: reason.Error()})
	if !f.marked { // that was said once and for all
		s.store.Logger().Warn("event could not be handled", "group", s.cfg.Group, "position", position, "attempt", f.rounds, "error", reason)
	}
	if s.cfg.Blocks && f.attempts >= s.cfg.Attempts && !f.marked {
		s.block(position, reason)
	}
}

func (s *subscription) backoff(round int) time.Duration {
	return min(s.cfg.Backoff<<min(round-1, 20), s.cfg.MaxBackoff)
}

// givenUp is why a reaction's message is to become a dead letter.
func (s *subscription) givenUp(position int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Blocks || s.failure.position != position || s.failure.attempts < s.cfg.Attempts {
		return nil
	}
	return s.failure.reason
}

// bury records the dead letter in the transaction that moves the offset past it.
func (s *subscription) bury(tx *transaction, msg *message.Message, position int64, reason error) {
	_, err := tx.ExecContext(msg.Context(), deadLetterAdd, s.topic, s.cfg.Group, position, reason.Error(), time.Now().UnixMicro())
	if err != nil {
		s.fail(tx, msg, position, errors.Join(eventstore.ErrUnavailable, err))
		return
	}
	s.store.Logger().Error("event became a dead letter", "group", s.cfg.Group, "position", position, "error", reason)
	s.succeed(tx, msg, position)
}

// block says, where every process can read it, that a projection stands still.
// It goes on being tried: the next good attempt takes the mark away.
func (s *subscription) block(position int64, reason error) {
	s.store.Logger().Error("projection is blocked", "group", s.cfg.Group, "position", position, "error", reason)
	ctx, cancel := context.WithTimeout(s.stopping, 5*time.Second)
	defer cancel()
	if err := s.store.markBlocked(ctx, s.topic, s.cfg.Group, position, reason); err != nil {
		s.store.Logger().Warn("the block could not be recorded", "group", s.cfg.Group, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure.marked = true
}
