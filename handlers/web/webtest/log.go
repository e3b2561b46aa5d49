package webtest

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Log is the canned log, in order.
func Log() []eventstore.Recorded {
	events := slices.Concat(configured(), history(), flapping(), past(), recovered(), today())
	slices.SortStableFunc(events, func(a, b domain.Event) int { return a.OccurredAt().Compare(b.OccurredAt()) })
	versions, causes := map[string]int64{}, map[uuid.UUID]uuid.UUID{}
	var records []eventstore.Recorded
	for i, e := range events {
		versions[e.Stream()]++
		rec := Record(int64(i+1), versions[e.Stream()], e)
		if restored, ok := e.(domain.ConnectionRestored); ok {
			causes[restored.RunID] = rec.ID
		}
		if started, ok := e.(domain.RunStarted); ok && started.Recovers != uuid.Nil {
			rec.Metadata["actor"], rec.Metadata["causation_id"] = "saga:rescrape", causes[started.Recovers].String()
			rec.Metadata["correlation_id"] = domain.RunStream(started.Recovers)
		}
		records = append(records, rec)
	}
	return records
}

// Head is the position of its last event.
var Head = int64(len(Log()))

// Record is an event as the log holds it.
func Record(position, version int64, e domain.Event) eventstore.Recorded {
	data, err := domain.Encode(e)
	if err != nil {
		panic(err)
	}
	return eventstore.Recorded{
		Position: position, Stream: e.Stream(), Version: version, ID: RunID(100000 + int(position)), Type: e.EventType(),
		RecordedAt: e.OccurredAt().Add(3 * time.Millisecond), Data: data,
		Metadata: eventstore.Metadata{"actor": "scheduler", "correlation_id": e.Stream(), "instance": "i-7c1"},
	}
}

func about(id uuid.UUID, scraper string, at time.Time) domain.AboutRun {
	return domain.AboutRun{RunID: id, Scraper: scraper, At: at}
}

func started(id uuid.UUID, scraper string, at time.Time) domain.RunStarted {
	return domain.RunStarted{AboutRun: about(id, scraper, at), Trigger: domain.TriggerSchedule, DueAt: at, Instance: "i-7c1"}
}

func recovery(id, lost uuid.UUID, scraper string, at time.Time) domain.RunStarted {
	return domain.RunStarted{AboutRun: about(id, scraper, at), Trigger: domain.TriggerRecovery, Recovers: lost, Instance: "i-7c1"}
}

func lost(id uuid.UUID, scraper string, at time.Time, cause domain.Cause, detail string) domain.ConnectionLost {
	return domain.ConnectionLost{
		AboutRun: about(id, scraper, at), Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: cause, Detail: detail,
		LastHeardAt: at.Add(-2 * time.Second), Received: domain.Received{Events: 214, Bytes: 18233},
	}
}

func restored(id uuid.UUID, scraper string, at time.Time, down time.Duration) domain.ConnectionRestored {
	return domain.ConnectionRestored{
		AboutRun: about(id, scraper, at), Link: domain.LinkScraper, DownForMS: down.Milliseconds(), NoticedBy: domain.NoticedByProbe,
	}
}

func completed(id uuid.UUID, scraper string, at time.Time, took time.Duration, items int64) domain.RunCompleted {
	return domain.RunCompleted{AboutRun: about(id, scraper, at), Items: items, DurationMS: took.Milliseconds()}
}

func configured() []domain.Event {
	var events []domain.Event
	for _, s := range Scrapers() {
		events = append(events, domain.ScraperConfigured{
			AboutScraper: domain.AboutScraper{Scraper: s.Name, At: s.ConfiguredAt}, Source: s.Source, Config: s.Config,
		})
	}
	return events
}

// flapping is a scraper that comes back only to drop its stream again.
func flapping() []domain.Event {
	at := func(d time.Duration) time.Time { return ago(20*time.Hour - d) }
	return []domain.Event{
		started(Flapping, "reviews", at(0)),
		lost(Flapping, "reviews", at(30*time.Second), domain.CauseTruncated, "unexpected EOF"),
		restored(Flapping, "reviews", at(50*time.Second), 20*time.Second),
		recovery(FlapTwo, Flapping, "reviews", at(50*time.Second)),
		lost(FlapTwo, "reviews", at(53*time.Second), domain.CauseReset, "connection reset by peer"),
		restored(FlapTwo, "reviews", at(64*time.Second), 11*time.Second),
		recovery(FlapThree, FlapTwo, "reviews", at(64*time.Second)),
		completed(FlapThree, "reviews", at(150*time.Second), 86*time.Second, 98),
	}
}

// past holds an end of each other kind.
func past() []domain.Event {
	hostile := lost(Cut, "shop-prices", ago(26*time.Hour-3*time.Second), domain.CauseOther, Hostile)
	hostile.Phase, hostile.Received = domain.PhaseConnecting, domain.Received{}
	return []domain.Event{
		started(Cut, "shop-prices", ago(26*time.Hour)), hostile,
		started(Done, "shop-prices", ago(75*time.Minute)),
		completed(Done, "shop-prices", ago(73*time.Minute), 2*time.Minute, 12345),
		domain.RunStarted{AboutRun: about(Cancelled, "shop-prices", ago(70*time.Minute)), Trigger: domain.TriggerManual, Instance: "i-7c1"},
		domain.RunCancelled{AboutRun: about(Cancelled, "shop-prices", ago(69*time.Minute)), By: "user:web", Reason: "wrong depth"},
		started(Failed, "news", ago(50*time.Minute)),
		domain.RunFailed{AboutRun: about(Failed, "news", ago(50*time.Minute-300*time.Millisecond)), Code: domain.CodeRejected, Detail: "the scraper answered 401", HTTPStatus: 401},
		domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "news", At: ago(45 * time.Minute)}, By: "user:web", Reason: Hostile},
	}
}

func recovered() []domain.Event {
	gone := lost(Recovered, "shop-prices", ago(29*time.Minute+19*time.Second), domain.CauseIdleTimeout, "nothing was heard for 45s")
	gone.LastHeardAt, gone.Received = ago(30*time.Minute+4*time.Second), domain.Received{Events: 1, Bytes: 80}
	return []domain.Event{
		started(Recovered, "shop-prices", ago(31*time.Minute)), gone,
		restored(Recovered, "shop-prices", ago(28*time.Minute), 79*time.Second),
		recovery(Recovery, Recovered, "shop-prices", ago(28*time.Minute-1200*time.Millisecond)),
		completed(Recovery, "shop-prices", ago(26*time.Minute), 118800*time.Millisecond, 310),
	}
}

func today() []domain.Event {
	return []domain.Event{
		started(Lost, "reviews", ago(10*time.Minute)),
		lost(Lost, "reviews", ago(9*time.Minute+19*time.Second), domain.CauseReset, "read tcp 127.0.0.1:40112->127.0.0.1:9090: connection reset by peer"),
		domain.ScrapeSkipped{AboutScraper: domain.AboutScraper{Scraper: "reviews", At: ago(5 * time.Minute)}, Trigger: domain.TriggerSchedule, DueAt: ago(5 * time.Minute), Reason: domain.SkipConnectionLost},
		domain.RunStarted{AboutRun: about(Attached, "stock-levels", ago(4*time.Minute)), Trigger: domain.TriggerManual, Watcher: "tab-4f1d", Instance: "i-7c1", Params: json.RawMessage(`{"depth":3}`)},
		started(Open, "shop-prices", ago(95*time.Second)),
	}
}

// history is how shop-prices did before: an outage now and then, each recovered.
func history() []domain.Event {
	var events []domain.Event
	for n := range 50 {
		id, at := RunID(500+2*n), ago(time.Duration(27*60+15*n)*time.Minute)
		took := time.Duration(80+7*(n%11)) * time.Second
		events = append(events, started(id, "shop-prices", at))
		switch {
		case n%9 == 4:
			events = append(events, outage(id, RunID(501+2*n), at, took/3, time.Duration(4<<(n/9))*time.Second)...)
		case n%16 == 7:
			events = append(events, domain.RunFailed{AboutRun: about(id, "shop-prices", at.Add(took)), Code: domain.CodeScraperError, Detail: "price list not found"})
		default:
			events = append(events, completed(id, "shop-prices", at.Add(took), took, int64(300+n)))
		}
	}
	return events
}

func outage(id, next uuid.UUID, at time.Time, into, down time.Duration) []domain.Event {
	gone := lost(id, "shop-prices", at.Add(into), domain.CauseMissedBeats, "three beats did not come")
	gone.LastHeardAt = at.Add(into - 15*time.Second)
	back := gone.At.Add(down)
	return []domain.Event{
		gone, restored(id, "shop-prices", back, down), recovery(next, id, "shop-prices", back.Add(20*time.Millisecond)),
		completed(next, "shop-prices", back.Add(90*time.Second), 90*time.Second, 280),
	}
}
