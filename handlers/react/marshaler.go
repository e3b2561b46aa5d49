package react

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// envelope is what a handler is given: an event as the feed has read it.
type envelope struct {
	recorded eventstore.Recorded
	event    domain.Event
}

// handler handles all events of a group. watermill goes through a group's handlers
// for every message, and puts a line of its log together for each that is not
// meant: a handler for each wire name costs more than all else it does.
type handler struct{ Group }

func (h handler) HandlerName() string { return h.Name }

func (handler) NewEvent() any { return &envelope{} }

func (h handler) Handle(ctx context.Context, event any) error {
	e := event.(*envelope)
	return h.Group.Handle(ctx, e.recorded, e.event)
}

// marshaler reads envelopes from the messages of the feed. Nothing is written
// through it: the log is appended to by handlers/command alone.
type marshaler struct{}

// handled is the name, to watermill, of every event: the feed hands a group the
// types that it handles and no others.
const handled = "handled"

func (marshaler) Marshal(any) (*message.Message, error) {
	return nil, fmt.Errorf("%w: the log is written by commands", domain.ErrInvalid)
}

func (marshaler) Unmarshal(m *message.Message, into any) (err error) {
	e := into.(*envelope)
	e.recorded, e.event, err = eventstore.EventFromMessage(m)
	return err
}

func (marshaler) Name(any) string { return handled }

func (marshaler) NameFromMessage(*message.Message) string { return handled }
