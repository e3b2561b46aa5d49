package react

import (
	"context"
	"fmt"

	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// envelope is what a handler is given: an event under its wire name, which comes
// from the domain's registry and never from a Go type.
type envelope struct {
	wireName string
	recorded eventstore.Recorded
	event    domain.Event
}

// handler handles the events of one wire name.
type handler struct {
	wireName string
	handle   func(ctx context.Context, r eventstore.Recorded, e domain.Event) error
}

func (h handler) HandlerName() string { return h.wireName }

func (h handler) NewEvent() any { return &envelope{wireName: h.wireName} }

func (h handler) Handle(ctx context.Context, event any) error {
	e := event.(*envelope)
	return h.handle(ctx, e.recorded, e.event)
}

// marshaler reads envelopes from the messages of the feed. Nothing is written
// through it: the log is appended to by handlers/command alone.
type marshaler struct{}

func (marshaler) Marshal(any) (*message.Message, error) {
	return nil, fmt.Errorf("%w: the log is written by commands", domain.ErrInvalid)
}

func (marshaler) Unmarshal(m *message.Message, into any) (err error) {
	e := into.(*envelope)
	if e.recorded, err = eventstore.RecordedFromMessage(m); err != nil {
		return err
	}
	e.event, err = e.recorded.Event()
	return err
}

func (marshaler) Name(event any) string { return event.(*envelope).wireName }

// NameFromMessage is the name of the shape that Unmarshal upcasts to.
func (marshaler) NameFromMessage(m *message.Message) string {
	return domain.Current(eventstore.TypeFromMessage(m))
}
