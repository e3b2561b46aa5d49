package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/eventstore"
)

// verdict carries the reason of a nack, for which watermill has no place.
type verdict struct {
	mu  sync.Mutex
	err error
}

type verdictKey struct{}

func (v *verdict) reason() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		return errors.New("handler refused the message and gave no reason")
	}
	return v.err
}

// Reasons is the router middleware that tells the subscriber why a handler
// failed. Without it every failure counts as one of our own code.
func Reasons(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) (produced []*message.Message, err error) {
		defer func() {
			if r := recover(); r != nil {
				report(msg.Context(), fmt.Errorf("panic: %v", r))
				panic(r)
			}
			report(msg.Context(), err)
		}()
		return next(msg)
	}
}

// At returns err as the reason why a handler failed on one event of a batch; nil if err
// is nil. Without it the event is found by handling each of the batch alone.
func At(e Event, err error) error {
	if err == nil {
		return nil
	}
	return &eventError{e.Position, err}
}

type eventError struct {
	position int64
	err      error
}

func (e *eventError) Error() string { return e.err.Error() }

func (e *eventError) Unwrap() error { return e.err }

func report(ctx context.Context, err error) {
	if v, ok := ctx.Value(verdictKey{}).(*verdict); ok {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.err = err
	}
}

// errNotTaken: the consumer does not read its channel. Neither the message nor its
// handler is at fault.
var errNotTaken = errors.New("no consumer has received the event")

// ownFault reports whether the handler is wrong, and not the database. Only that
// can make a message a dead letter.
func ownFault(err error) bool { return !errors.Is(err, errNotTaken) && eventstore.OwnFault(err) }
