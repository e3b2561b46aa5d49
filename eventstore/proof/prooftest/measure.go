// Package prooftest measures the proof of a log, for benchmarks.
package prooftest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

const batch = 1000

// Fill appends n events, whole batches, of about 500 bytes each.
func Fill(ctx context.Context, store *eventstore.Store, scraper string, n int) error {
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	metadata := eventstore.Metadata{
		"actor": "user:ann", "instance": "018f0000-0000-7000-8000-000000000001",
		"correlation_id": "018f0000-0000-7000-8000-000000000002", "causation_id": "018f0000-0000-7000-8000-000000000003",
	}
	stream := domain.ScraperStream(scraper)
	for version := 0; version < n; version += batch {
		events := make([]eventstore.NewEvent, batch)
		for i := range events {
			about := domain.AboutScraper{Scraper: scraper, At: at.Add(time.Duration(version+i) * time.Second)}
			events[i] = eventstore.NewEvent{Event: domain.ScraperPaused{AboutScraper: about, By: "ann", Reason: strings.Repeat("why ", 50)}, Metadata: metadata}
		}
		if _, err := store.Append(ctx, eventstore.Append{Stream: stream, Expected: int64(version), Events: events}); err != nil {
			return err
		}
	}
	return nil
}

// Speed is how long a verification took, beside SHA-256 over the same bytes.
type Speed struct {
	Events int64
	Bytes  int64
	Verify time.Duration
	SHA256 time.Duration
}

// Ratio is verification as a part of the speed of SHA-256.
func (s Speed) Ratio() float64 { return s.SHA256.Seconds() / s.Verify.Seconds() }

func (s Speed) String() string {
	return fmt.Sprintf("%d events of %d bytes: verify %.0f/s, SHA-256 %.0f/s, ratio %.2f", s.Events, s.Bytes/max(s.Events, 1),
		float64(s.Events)/s.Verify.Seconds(), float64(s.Events)/s.SHA256.Seconds(), s.Ratio())
}

// Measure verifies the log once and hashes its canonical bytes once. A log that
// is not intact is an error.
func Measure(ctx context.Context, store *eventstore.Store, files proof.Files) (s Speed, err error) {
	if s.Bytes, s.SHA256, err = hash(ctx, store); err != nil {
		return s, err
	}
	begun := time.Now()
	result, err := proof.Verify(ctx, store, proof.Options{Files: files}, nil)
	s.Verify, s.Events = time.Since(begun), result.Head
	if err == nil && result.Verdict != proof.Intact {
		err = fmt.Errorf("%w: %s", proof.ErrDamaged, result.Text())
	}
	return s, err
}

// hash takes the time of nothing but SHA-256, one sum for each event.
func hash(ctx context.Context, store *eventstore.Store) (bytes int64, took time.Duration, err error) {
	for after := int64(0); ; {
		records, err := store.Read(ctx, eventstore.Query{After: after, Limit: 10 * batch})
		if err != nil || len(records) == 0 {
			return bytes, took, err
		}
		canonical := make([][]byte, len(records))
		for i, r := range records {
			if canonical[i], err = canonicalOf(r); err != nil {
				return bytes, took, err
			}
			bytes += int64(len(canonical[i]))
		}
		begun := time.Now()
		for _, b := range canonical {
			_ = sha256.Sum256(b)
		}
		took += time.Since(begun)
		after = records[len(records)-1].Position
	}
}

func canonicalOf(r eventstore.Recorded) ([]byte, error) {
	metadata, err := json.Marshal(r.Metadata)
	return proof.Event{
		Position: r.Position, Stream: r.Stream, Version: r.Version, ID: r.ID.String(), Type: r.Type,
		RecordedAt: r.RecordedAt.UnixMicro(), Metadata: string(metadata), Data: string(r.Data),
	}.Canonical(), err
}
