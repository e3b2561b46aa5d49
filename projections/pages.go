package projections

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// pages is how the log is read by whoever folds much of it. Decoding is what
// costs most: only what is wanted is decoded.
type pages struct {
	log    log
	size   int // events of a page
	wanted func(wireName string) bool
}

// page is a piece of the log. The event of a payload that is not wanted, or of
// an unknown type, is nil.
type page struct {
	payloads []eventstore.Payload
	events   []domain.Event
}

// known lists the events that were decoded.
func (p page) known() []event {
	var events []event
	for i, e := range p.events {
		if e != nil {
			events = append(events, event{p.payloads[i].Position, e})
		}
	}
	return events
}

func (p page) last() int64 { return p.payloads[len(p.payloads)-1].Position }

// each hands the pages after one position and up to another to fold, in order.
// While one is folded the next is decoded and the one after that is read.
func (p pages) each(ctx context.Context, after, until int64, fold func(ctx context.Context, next page) error) error {
	group, ctx := errgroup.WithContext(ctx)
	read, decoded := make(chan []eventstore.Payload, 1), make(chan page, 1)
	group.Go(func() error {
		defer close(read)
		return p.read(ctx, after, until, read)
	})
	group.Go(func() error {
		defer close(decoded)
		return p.decodeAll(ctx, read, decoded)
	})
	group.Go(func() error {
		for next := range decoded {
			if err := fold(ctx, next); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func (p pages) read(ctx context.Context, after, until int64, into chan<- []eventstore.Payload) error {
	for after < until {
		payloads, err := p.log.Payloads(ctx, after, until, p.size)
		if err != nil || len(payloads) == 0 {
			return err
		}
		after = payloads[len(payloads)-1].Position
		if err := send(ctx, into, payloads); err != nil {
			return err
		}
	}
	return nil
}

func (p pages) decodeAll(ctx context.Context, from <-chan []eventstore.Payload, into chan<- page) error {
	for payloads := range from {
		next, err := p.decode(payloads)
		if err != nil {
			return err
		}
		if err := send(ctx, into, next); err != nil {
			return err
		}
	}
	return nil
}

func send[T any](ctx context.Context, into chan<- T, value T) error {
	select {
	case into <- value:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p pages) decode(payloads []eventstore.Payload) (page, error) {
	decoded := page{payloads, make([]domain.Event, len(payloads))}
	for i, payload := range payloads {
		if !p.wanted(domain.Current(payload.Type)) {
			continue
		}
		e, err := domain.Decode(payload.Type, payload.Data)
		if err != nil {
			return page{}, fmt.Errorf("position %d: %w", payload.Position, err)
		}
		decoded.events[i] = e
	}
	return decoded, nil
}
