package projections

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Log is where a fold reads: *eventstore.Store.
type Log interface {
	Payloads(ctx context.Context, after, until int64, limit int) ([]eventstore.Payload, error)
}

// Pages reads much of the log. Decoding is what costs most: only what is wanted is
// decoded.
type Pages struct {
	Log    Log
	Size   int // events of a page
	Wanted func(wireName string) bool
}

// PageSize is how many events a rebuild folds in one transaction. On SQLite there
// are no other writes meanwhile.
const PageSize = 1000

// Page is a piece of the log. The event of a payload that is not wanted, or of an
// unknown type, is nil.
type Page struct {
	Payloads []eventstore.Payload
	Events   []domain.Event
}

// wantedBy lists the events that change the rows of a projection.
func (p Page) wantedBy(by Projection) []event {
	events := make([]event, 0, len(p.Events))
	for i, e := range p.Events {
		if e != nil && by.Wants(e.EventType()) {
			events = append(events, event{p.Payloads[i].Position, p.Payloads[i].ID, e})
		}
	}
	return events
}

func (p Page) last() int64 { return p.Payloads[len(p.Payloads)-1].Position }

// Each hands the pages after one position and up to another to fold, in order.
// While one is folded the next is decoded and the one after that is read.
func (p Pages) Each(ctx context.Context, after, until int64, fold func(ctx context.Context, next Page) error) error {
	group, ctx := errgroup.WithContext(ctx)
	read, decoded := make(chan []eventstore.Payload, 1), make(chan Page, 1)
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

func (p Pages) read(ctx context.Context, after, until int64, into chan<- []eventstore.Payload) error {
	for after < until {
		payloads, err := p.Log.Payloads(ctx, after, until, p.Size)
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

func (p Pages) decodeAll(ctx context.Context, from <-chan []eventstore.Payload, into chan<- Page) error {
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

func (p Pages) decode(payloads []eventstore.Payload) (Page, error) {
	decoded := Page{payloads, make([]domain.Event, len(payloads))}
	for i, payload := range payloads {
		if !p.Wanted(domain.Current(payload.Type)) {
			continue
		}
		e, err := domain.Decode(payload.Type, payload.Data)
		if err != nil {
			return Page{}, fmt.Errorf("position %d: %w", payload.Position, err)
		}
		decoded.Events[i] = e
	}
	return decoded, nil
}
