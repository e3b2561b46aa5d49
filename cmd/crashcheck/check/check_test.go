package check_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/eventstore"
)

var (
	noon       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	runA, runB = id(0xa), id(0xb)
)

func id(n byte) uuid.UUID { return uuid.UUID{6: 0x70, 8: 0x80, 15: n} }

// at is so many milliseconds past noon.
func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func about(run uuid.UUID, ms int) domain.AboutRun {
	return domain.AboutRun{RunID: run, Scraper: "shop", At: at(ms)}
}

func started(run uuid.UUID, ms int) domain.Event {
	return domain.RunStarted{AboutRun: about(run, ms), Trigger: domain.TriggerManual, Instance: "i0"}
}

func completed(run uuid.UUID, ms int) domain.Event {
	return domain.RunCompleted{AboutRun: about(run, ms), Items: 7}
}

func failed(run uuid.UUID, ms int) domain.Event {
	return domain.RunFailed{AboutRun: about(run, ms), Code: domain.CodeScraperError, Detail: "empty"}
}

func cancelled(run uuid.UUID, ms int) domain.Event {
	return domain.RunCancelled{AboutRun: about(run, ms), By: "user:a"}
}

func lost(run uuid.UUID, ms int, cause domain.Cause) domain.Event {
	return domain.ConnectionLost{AboutRun: about(run, ms), Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: cause}
}

func restored(run uuid.UUID, ms int) domain.Event {
	return domain.ConnectionRestored{AboutRun: about(run, ms), Link: domain.LinkScraper}
}

func expects(ms int) domain.Event {
	config := domain.DefaultScraperConfig()
	config.Expect.SuccessWithin = domain.Duration(5 * time.Millisecond)
	return domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at(ms)}, Config: config}
}

func overdue(ms int) domain.Event {
	return domain.ScraperOverdue{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at(ms)}, Within: domain.Duration(5 * time.Millisecond)}
}

func resumed(ms int) domain.Event {
	return domain.ScraperResumed{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at(ms)}}
}

func skipped(of uuid.UUID, ms int, reason domain.SkipReason) domain.Event {
	return domain.ScrapeSkipped{AboutScraper: domain.AboutScraper{Scraper: "shop", At: at(ms)}, Trigger: domain.TriggerRecovery, Recovers: of, Reason: reason}
}

// recovery is the run that follows from the event at a position of the log.
func recovery(of uuid.UUID, cause byte, ms int) domain.RunStarted {
	caused := domain.Rescrape(domain.ConnectionRestored{AboutRun: about(of, ms)}, id(cause))[0].(domain.StartScrape)
	return domain.RunStarted{AboutRun: about(caused.RunID, ms), Trigger: domain.TriggerRecovery, Recovers: of, Instance: "i0"}
}

// because gives an event the event at a position as its cause.
type because struct {
	domain.Event
	cause byte
}

// log records events at the time of their happening. Their ids are their positions.
func log(events ...domain.Event) (all []eventstore.Recorded) {
	versions := map[string]int64{}
	for i, e := range events {
		metadata := eventstore.Metadata{}
		if caused, ok := e.(because); ok {
			metadata["causation_id"] = id(caused.cause).String()
			e = caused.Event
		}
		data, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		versions[e.Stream()]++
		all = append(all, eventstore.Recorded{
			Position: int64(i) + 1, Stream: e.Stream(), Version: versions[e.Stream()], ID: id(byte(i) + 1), Type: e.EventType(),
			RecordedAt: e.OccurredAt(), Data: data, Metadata: metadata,
		})
	}
	return all
}

// seen is one process that lived from noon on, with changes.
func seen(changes ...func(*check.Seen)) check.Seen {
	s := check.Seen{
		Lives:    []check.Life{{Instances: []string{"i0"}, Began: at(-100), Ready: at(-50)}},
		Cancels:  map[uuid.UUID]bool{},
		Scrapers: map[string]check.Scraper{"shop": {Idle: 400 * time.Millisecond}},
		Bound:    300 * time.Millisecond, Final: true,
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func post(run uuid.UUID, ms int, how check.Ending, endedMS int) func(*check.Seen) {
	return func(s *check.Seen) {
		s.Posts = append(s.Posts, check.Post{Run: run, Scraper: "shop", At: at(ms), Ending: how, EndedAt: at(endedMS), Items: 7, Reason: "empty"})
	}
}

func by(life int) func(*check.Seen) {
	return func(s *check.Seen) { s.Posts[len(s.Posts)-1].Life = life }
}

func died(ms int) func(*check.Seen) {
	return func(s *check.Seen) { s.Lives[len(s.Lives)-1].Ended = at(ms) }
}

func anotherLife(began, ready int) func(*check.Seen) {
	return func(s *check.Seen) {
		name := fmt.Sprintf("i%d", len(s.Lives))
		s.Lives = append(s.Lives, check.Life{Instances: []string{name}, Began: at(began), Ready: at(ready)})
	}
}

func shared(s *check.Seen) { s.Shared = true }

func pending(s *check.Seen) { s.Final = false }

func cancel(run uuid.UUID) func(*check.Seen) { return func(s *check.Seen) { s.Cancels[run] = true } }

func ack(position int64, run uuid.UUID, kind string) func(*check.Seen) {
	return func(s *check.Seen) {
		s.Acks = append(s.Acks, check.Ack{Position: position, Run: run, Type: kind})
	}
}

func stalled(from, to int) func(*check.Seen) {
	return func(s *check.Seen) { s.Stalls = append(s.Stalls, check.Span{From: at(from), To: at(to)}) }
}

func down(from, to int) func(*check.Seen) {
	return func(s *check.Seen) {
		facts := s.Scrapers["shop"]
		facts.Downs = append(facts.Downs, check.Span{From: at(from), To: at(to)})
		s.Scrapers["shop"] = facts
	}
}

// broken is the rules that are broken, each once, in their order.
func broken(t *testing.T, events []eventstore.Recorded, s check.Seen) []string {
	t.Helper()
	violations, err := check.Check(events, s)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range violations {
		if v.Detail == "" {
			t.Errorf("%s is broken, and nothing says how", v.Rule)
		}
		names = append(names, v.Rule)
	}
	return slices.Compact(names)
}
