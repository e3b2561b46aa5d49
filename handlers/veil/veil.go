// Package veil keeps params and the names of headers from those who may not see them: it
// stands between the log and the pages and API that show it. For the read models
// [projections.Queries.Veiled] does the same.
package veil

import (
	"bytes"
	"context"
	"slices"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
)

// Events is the log. It masks the events that it returns for a context that Masked is
// true of.
type Events struct {
	*feed.Feed
	Masked func(ctx context.Context) bool
}

// Read is [eventstore.Store.Read].
func (e Events) Read(ctx context.Context, q eventstore.Query) ([]eventstore.Recorded, error) {
	records, err := e.Feed.Read(ctx, q)
	return e.mask(ctx, records), err
}

// ReadStream is [eventstore.Store.ReadStream].
func (e Events) ReadStream(ctx context.Context, stream string, afterVersion int64) ([]eventstore.Recorded, error) {
	records, err := e.Feed.ReadStream(ctx, stream, afterVersion)
	return e.mask(ctx, records), err
}

// ByPosition is [eventstore.Store.ByPosition].
func (e Events) ByPosition(ctx context.Context, position int64) (eventstore.Recorded, error) {
	rec, err := e.Feed.ByPosition(ctx, position)
	if e.Masked(ctx) {
		rec.Data = domain.MaskEvent(rec.Data)
	}
	return rec, err
}

func (e Events) mask(ctx context.Context, records []eventstore.Recorded) []eventstore.Recorded {
	if e.Masked(ctx) {
		records = slices.Clone(records) // the feed keeps some
		for i := range records {
			records[i].Data = domain.MaskEvent(records[i].Data)
		}
	}
	return records
}

// Prove wraps a maker of proofs. A proof holds its event whole, or it would prove nothing:
// it is refused where something of the event is masked.
func (e Events) Prove(prove func(context.Context, int64) (proof.Proof, error), refusal error) func(context.Context, int64) (proof.Proof, error) {
	return func(ctx context.Context, position int64) (proof.Proof, error) {
		if e.Masked(ctx) {
			rec, err := e.Feed.ByPosition(ctx, position)
			if err == nil && !bytes.Equal(rec.Data, domain.MaskEvent(rec.Data)) {
				err = refusal
			}
			if err != nil {
				return proof.Proof{}, err
			}
		}
		return prove(ctx, position)
	}
}
