package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// An event with all that is stored of it has about 500 bytes.
var (
	params = json.RawMessage(`{"depth":2,"note":"` + strings.Repeat("p", 60) + `"}`)
	detail = "read tcp 10.0.0.7:41742->10.0.0.9:9090: read: connection reset by peer " + strings.Repeat("d", 20)
)

func newMetadata() eventstore.Metadata {
	return eventstore.Metadata{
		"actor": "scheduler", "instance": "0195f0c0-1111-7aaa-8bbb-123456789abc",
		"correlation_id": uuid.NewString(), "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

// story is a run from start to loss, and its connection back.
func story(scraper string) []domain.Event {
	at := time.Now().UTC().Truncate(time.Microsecond)
	about := domain.AboutRun{RunID: uuid.Must(uuid.NewV7()), Scraper: scraper, At: at}
	return []domain.Event{
		domain.RunStarted{AboutRun: about, Trigger: domain.TriggerSchedule, DueAt: at, Instance: "0195f0c0-1111-7aaa-8bbb-123456789abc", Params: params},
		domain.ConnectionLost{AboutRun: about, Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset, Detail: detail, LastHeardAt: at, Received: domain.Received{Events: 17, Bytes: 4711}},
		domain.ConnectionRestored{AboutRun: about, Link: domain.LinkScraper, DownForMS: 1234, NoticedBy: domain.NoticedByProbe},
	}
}

// teller tells stories of one scraper, one event at a time.
type teller struct {
	scraper string
	story   []domain.Event
	told    int64
}

// next is the append of the next event, at the version it expects.
func (t *teller) next() eventstore.Append {
	if int(t.told) == len(t.story) {
		t.story, t.told = story(t.scraper), 0
	}
	e := t.story[t.told]
	t.told++
	return eventstore.Append{Stream: e.Stream(), Expected: t.told - 1, Events: []eventstore.NewEvent{{Event: e, Metadata: newMetadata()}}}
}

const scrapers = 50

func scraperName(i int) string { return fmt.Sprintf("shop-%03d", i%scrapers) }

func tellers(n int) []*teller {
	all := make([]*teller, n)
	for i := range all {
		all[i] = &teller{scraper: scraperName(i)}
	}
	return all
}

// fill appends stories until the log has at least n events.
func fill(ctx context.Context, s *eventstore.Store, n int64) error {
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(256) // what shares a transaction at most
	for i := 0; head < n && ctx.Err() == nil; i++ {
		events := story(scraperName(i))
		head += int64(len(events))
		a := eventstore.Append{Stream: events[0].Stream()}
		for _, e := range events {
			a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: newMetadata()})
		}
		writers.Go(func() error {
			_, err := s.Append(ctx, a)
			return err
		})
	}
	return writers.Wait()
}

// stored is an event as a rival stores it.
type stored struct {
	stream, kind   string
	data, metadata []byte
}

// sample are the three events of a story, as bytes.
func sample() ([]stored, error) { return storedOf(story(scraperName(0))) }

func storedOf(events []domain.Event) (all []stored, err error) {
	for _, e := range events {
		data, err := domain.Encode(e)
		if err != nil {
			return nil, err
		}
		metadata, err := json.Marshal(newMetadata())
		if err != nil {
			return nil, err
		}
		all = append(all, stored{stream: e.Stream(), kind: e.EventType(), data: data, metadata: metadata})
	}
	return all, nil
}
