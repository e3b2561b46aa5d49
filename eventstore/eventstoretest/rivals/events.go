// Package rivals holds what benchmarks compare the log with: a plain INSERT,
// watermill-sql used bare, and message-db; and the events and turns that all of
// them share.
package rivals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// An event with all that is stored of it has about 500 bytes.
var (
	params = json.RawMessage(`{"depth":2,"note":"` + strings.Repeat("p", 60) + `"}`)
	detail = "read tcp 10.0.0.7:41742->10.0.0.9:9090: read: connection reset by peer " + strings.Repeat("d", 20)
)

// Metadata is that of an ordinary event.
func Metadata() eventstore.Metadata {
	return eventstore.Metadata{
		"actor": "scheduler", "instance": "0195f0c0-1111-7aaa-8bbb-123456789abc",
		"correlation_id": uuid.NewString(), "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

// Story is a run from start to loss, and its connection back.
func Story(scraper string) []domain.Event {
	at := time.Now().UTC().Truncate(time.Microsecond)
	about := domain.AboutRun{RunID: uuid.Must(uuid.NewV7()), Scraper: scraper, At: at}
	return []domain.Event{
		domain.RunStarted{AboutRun: about, Trigger: domain.TriggerSchedule, DueAt: at, Instance: "0195f0c0-1111-7aaa-8bbb-123456789abc", Params: params},
		domain.ConnectionLost{AboutRun: about, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset, Detail: detail, LastHeardAt: at, Received: domain.Received{Events: 17, Bytes: 4711}},
		domain.ConnectionRestored{AboutRun: about, Link: domain.LinkScraper, DownForMS: 1234, NoticedBy: domain.NoticedByProbe},
	}
}

// Teller tells stories of one scraper, one event at a time.
type Teller struct {
	scraper string
	story   []domain.Event
	told    int64
}

// Next is the append of the next event, at the version it expects.
func (t *Teller) Next() eventstore.Append {
	if int(t.told) == len(t.story) {
		t.story, t.told = Story(t.scraper), 0
	}
	e := t.story[t.told]
	t.told++
	return eventstore.Append{Stream: e.Stream(), Expected: t.told - 1, Events: []eventstore.NewEvent{{Event: e, Metadata: Metadata()}}}
}

const scrapers = 50

func scraperName(i int) string { return fmt.Sprintf("shop-%03d", i%scrapers) }

// Tellers returns n tellers of different scrapers.
func Tellers(n int) []*Teller {
	all := make([]*Teller, n)
	for i := range all {
		all[i] = &Teller{scraper: scraperName(i)}
	}
	return all
}

// Log returns a database with a log of n events.
func Log(b testing.TB, dialect eventstore.Dialect, n int64) eventstoretest.Database {
	b.Helper()
	return eventstoretest.Prepared(b, dialect, fmt.Sprintf("log_%d", n), func(s *eventstore.Store) error { return Fill(b.Context(), s, n) })
}

// few is how many events are appended. More are imported, which is faster.
const few = 50_000

// Fill adds stories until the log has at least n events.
func Fill(ctx context.Context, s *eventstore.Store, n int64) error {
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	if head == 0 && n > few {
		return fillEmpty(ctx, s, n)
	}
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(256) // what shares a transaction at most
	for i := 0; head < n && ctx.Err() == nil; i++ {
		events := Story(scraperName(i))
		head += int64(len(events))
		a := eventstore.Append{Stream: events[0].Stream()}
		for _, e := range events {
			a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: Metadata()})
		}
		writers.Go(func() error {
			_, err := s.Append(ctx, a)
			return err
		})
	}
	return writers.Wait()
}

// fillEmpty imports stories. One goroutine makes them while another writes.
func fillEmpty(ctx context.Context, s *eventstore.Store, n int64) error {
	const batch = 999
	both, ctx := errgroup.WithContext(ctx)
	batches := make(chan []eventstore.Stored, 2)
	both.Go(func() error {
		defer close(batches)
		for position := int64(0); position < n; {
			events := make([]eventstore.Stored, 0, batch)
			for story := 0; len(events) < batch && position+int64(len(events)) < n; story++ {
				events = append(events, storedStory(position+int64(len(events)), scraperName(story))...)
			}
			position += int64(len(events))
			select {
			case batches <- events:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	both.Go(func() error {
		for events := range batches {
			if err := importBatch(ctx, s, events, n+2); err != nil {
				return err
			}
		}
		return s.EndImport(ctx)
	})
	return both.Wait()
}

// importBatch tries again while the server ends its session, as it does when this process
// gets no CPU for a second within the transaction.
func importBatch(ctx context.Context, s *eventstore.Store, events []eventstore.Stored, end int64) (err error) {
	for range 10 {
		if err = s.Import(ctx, events, end, nil); !errors.Is(err, eventstore.ErrUnavailable) {
			return err
		}
		if head, unread := s.Head(ctx); unread == nil && head == events[len(events)-1].Position {
			return nil // its answer alone was lost
		}
	}
	return err
}

// storedStory is a story as the log has it behind a position.
func storedStory(position int64, scraper string) (all []eventstore.Stored) {
	events := Story(scraper)
	for i, e := range storedOf(events) {
		all = append(all, eventstore.Stored{
			Position: position + int64(i) + 1, Stream: events[i].Stream(), Version: int64(i) + 1, ID: uuid.Must(uuid.NewV7()).String(),
			Type: e.Type, RecordedAt: time.Now().UnixMicro(), Data: string(e.Data), Metadata: string(e.Metadata),
		})
	}
	return all
}

// stored is an event as a rival stores it.
type stored struct {
	Type           string
	Data, Metadata []byte
}

// sample holds the three events of a story.
var sample = storedOf(Story(scraperName(0)))

func storedOf(events []domain.Event) (all []stored) {
	for _, e := range events {
		data, err := domain.Encode(e)
		if err != nil {
			panic(err) // an event of our own making
		}
		metadata, err := json.Marshal(Metadata())
		if err != nil {
			panic(err)
		}
		all = append(all, stored{e.EventType(), data, metadata})
	}
	return all
}
