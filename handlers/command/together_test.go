package command_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/command"
)

// shops configures scrapers and returns a slot of each.
func (d desk) shops(n int) (slots []domain.Order) {
	d.Helper()
	for i := range n {
		config := domain.DefaultScraperConfig()
		config.Name, config.URL = fmt.Sprintf("shop-%d", i), "http://127.0.0.1:9090/scrapes/shop"
		to := domain.ToScraper{Scraper: config.Name}
		d.do(domain.ConfigureScraper{ToScraper: to, Source: domain.SourceAPI, Config: config})
		slots = append(slots, domain.Order{Command: domain.StartScrape{
			ToScraper: to, RunID: domain.SlotRunID(config.Name, noon), Trigger: domain.TriggerSchedule, DueAt: noon,
		}})
	}
	return slots
}

// asked counts what is asked of a log.
type asked struct {
	command.Log
	one, many int
}

func (a *asked) ReadStream(ctx context.Context, stream string, after int64) ([]eventstore.Recorded, error) {
	a.one++
	return a.Log.ReadStream(ctx, stream, after)
}

func (a *asked) Scraper(ctx context.Context, name string) (domain.Scraper, int64, error) {
	a.one++
	return a.Log.Scraper(ctx, name)
}

func (a *asked) Guard(ctx context.Context, name string) (domain.Guard, error) {
	a.one++
	return a.Log.Guard(ctx, name)
}

func (a *asked) Append(ctx context.Context, change eventstore.Append) ([]eventstore.Recorded, error) {
	a.one++
	return a.Log.Append(ctx, change)
}

func (a *asked) ReadStreams(ctx context.Context, streams []string) (map[string][]eventstore.Recorded, error) {
	a.many++
	return a.Log.ReadStreams(ctx, streams)
}

func (a *asked) Scrapers(ctx context.Context, names []string) (map[string]eventstore.ScraperState, error) {
	a.many++
	return a.Log.Scrapers(ctx, names)
}

func (a *asked) GuardsOf(ctx context.Context, names []string) (map[string]domain.Guard, error) {
	a.many++
	return a.Log.GuardsOf(ctx, names)
}

func (a *asked) AppendAll(ctx context.Context, changes []eventstore.Append) []eventstore.Appended {
	a.many++
	return a.Log.AppendAll(ctx, changes)
}

// all handles orders, each of which must come to one event.
func (d desk) all(ctx context.Context, orders []domain.Order) (recorded []eventstore.Recorded) {
	d.Helper()
	answers := d.HandleAll(ctx, orders)
	for i, answer := range answers {
		if answer.Err != nil || len(answer.Recorded) != 1 {
			d.Errorf("order %d: %d events, %v", i, len(answer.Recorded), answer.Err)
		}
		recorded = append(recorded, answer.Recorded...)
	}
	return recorded
}

// A storm: runs start, are lost, restored and recovered, all at once, with a number of
// questions that does not depend on theirs.
func TestManyCommandsAreHandledAtOnce(t *testing.T) {
	each(t, func(d desk) {
		slots := d.shops(20)
		log := &asked{Log: d.store}
		d.Log = log
		started := d.all(d.Context(), slots)
		var losses, returns, recoveries []domain.Order
		for _, r := range started {
			run, _ := domain.RunOfStream(r.Stream)
			losses = append(losses, domain.Order{Command: lose(run)})
			returns = append(returns, domain.Order{Command: restore(run)})
		}
		d.all(d.Context(), losses)
		for _, r := range d.all(d.Context(), returns) {
			e, err := r.Event()
			if err != nil {
				d.Fatal(err)
			}
			for _, c := range domain.Rescrape(e, r.ID) {
				recoveries = append(recoveries, domain.Order{Command: c, By: domain.Origin{Causation: r.ID}})
			}
		}
		err := d.store.InTx(d.Context(), func(ctx context.Context, _ *sql.Tx) error {
			for i, r := range d.all(ctx, recoveries) {
				e, _ := r.Event()
				if run := e.(domain.RunStarted); run.Recovers.String() != started[i].Stream[len("run-"):] {
					d.Errorf("%s recovers %s, not %s", run.RunID, run.Recovers, started[i].Stream)
				}
			}
			return nil
		})
		if err != nil {
			d.Fatal(err)
		}
		if log.one > 0 || log.many != 12 {
			d.Errorf("asked %d times about one and %d times about many", log.one, log.many)
		}
		if wrong, err := d.store.ProveGuards(d.Context()); len(wrong) > 0 || err != nil {
			d.Errorf("%v, %v", wrong, err)
		}
	})
}

// Commands about the same scraper follow each other, and a refusal is only its own.
func TestCommandsThatAreHandledTogetherMeet(t *testing.T) {
	each(t, func(d desk) {
		pause := domain.PauseScraper{ToScraper: toShop, By: "ada"}
		err := d.store.InTx(d.Context(), func(ctx context.Context, _ *sql.Tx) error {
			answers := d.HandleAll(ctx, []domain.Order{
				{Command: manual()}, {Command: manual()}, {Command: lose(uuid.New())}, {Command: pause}, {Command: pause},
			})
			_, open := errors.AsType[*domain.RunOpenError](answers[1].Err)
			if answers[0].Err != nil || !open || !errors.Is(answers[2].Err, domain.ErrNotFound) || answers[3].Err != nil || answers[4].Err != nil {
				d.Errorf("answers %+v", answers)
			}
			return nil
		})
		if err != nil {
			d.Fatal(err)
		}
		log, err := d.store.Read(d.Context(), eventstore.Query{})
		if err != nil || len(log) != 3 || log[1].Type != "run.started" || log[2].Type != "scraper.paused" {
			d.Errorf("%d events, %v", len(log), err)
		}
	})
}

// A configuration that cannot be read fails the commands of its scraper and no other.
func TestADamagedScraperFailsAlone(t *testing.T) {
	each(t, func(d desk) {
		slots := d.shops(3)
		err := d.store.InTx(d.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
				VALUES (5, 'scraper-shop-1', 2, '019a3f00-0000-7000-8000-000000000001', 'scraper.configured', 99999999999999999, '{"config": 7}', '{}')`)
			return err
		})
		if err != nil {
			d.Fatal(err)
		}
		for i, answer := range d.HandleAll(d.Context(), slots) {
			if failed := answer.Err != nil; failed != (i == 1) {
				d.Errorf("slot of shop-%d: %v", i, answer.Err)
			}
		}
	})
}

// A crowd loses nothing, whoever comes first.
func TestACrowdIsAnswered(t *testing.T) {
	each(t, func(d desk) {
		crowd := &command.Crowd{Handler: d.Handler}
		var callers sync.WaitGroup
		for _, slot := range d.shops(20) {
			for range 3 {
				callers.Go(func() {
					if _, err := crowd.Handle(d.Context(), slot.Command, slot.By); err != nil {
						d.Error(err)
					}
				})
			}
		}
		callers.Wait()
		started, err := d.store.Read(d.Context(), eventstore.Query{Types: []string{domain.RunStarted{}.EventType()}})
		if err != nil || len(started) != 20 {
			d.Errorf("%d runs, %v; want 20", len(started), err)
		}
		gone, cancel := context.WithCancel(d.Context())
		cancel()
		if _, err := crowd.Handle(gone, manual(), domain.Origin{}); err != nil && !errors.Is(err, context.Canceled) {
			d.Errorf("%v, want context.Canceled", err)
		}
	})
}

// Orders that come at once are not cut into those that came first and the others.
func TestACrowdComesAtOnce(t *testing.T) {
	each(t, func(d desk) {
		slots := d.shops(20)
		log := &asked{Log: d.store}
		d.Log = log
		crowd := &command.Crowd{Handler: d.Handler}
		for i, answer := range crowd.HandleAll(d.Context(), slots) {
			scraper := slots[i].Command.(domain.StartScrape).Scraper
			if answer.Err != nil || len(answer.Recorded) != 1 || answer.Recorded[0].Scraper() != scraper {
				d.Errorf("slot of %s: %+v", scraper, answer)
			}
		}
		if log.many != 3 || log.one != 0 {
			d.Errorf("%d questions about many, %d about one, want 3 and 0", log.many, log.one)
		}
		gone, cancel := context.WithCancel(d.Context())
		cancel()
		for _, answer := range crowd.HandleAll(gone, slots) {
			if answer.Err != nil && !errors.Is(answer.Err, context.Canceled) {
				d.Errorf("%v, want context.Canceled", answer.Err)
			}
		}
	})
}

// A database that is away is each caller's answer.
func TestACrowdIsToldThatTheDatabaseIsAway(t *testing.T) {
	store := eventstoretest.SQLite(t).Open(t)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	crowd := &command.Crowd{Handler: &command.Handler{Log: store, Now: func() time.Time { return noon }}}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if _, err := crowd.Handle(t.Context(), lose(uuid.New()), domain.Origin{}); !errors.Is(err, eventstore.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
		})
	}
	callers.Wait()
}

// heldBack is a log whose first reading of streams waits.
type heldBack struct {
	*asked
	began, goOn chan struct{}
	once        sync.Once
}

func (h *heldBack) ReadStreams(ctx context.Context, streams []string) (map[string][]eventstore.Recorded, error) {
	h.once.Do(func() { close(h.began); <-h.goOn })
	return h.asked.ReadStreams(ctx, streams)
}

// Runs that are asked for while one is read are read together, and each caller is
// answered with its own.
func TestACrowdReadsRunsTogether(t *testing.T) {
	each(t, func(d desk) {
		slots := d.shops(20)
		d.HandleAll(d.Context(), slots)
		log := &heldBack{asked: &asked{Log: d.store}, began: make(chan struct{}), goOn: make(chan struct{})}
		crowd := &command.Crowd{Handler: &command.Handler{Log: log}}
		ask := func(slot domain.Order) {
			start := slot.Command.(domain.StartScrape)
			if run, err := crowd.Run(d.Context(), start.RunID); err != nil || run.ID != start.RunID || run.Scraper != start.Scraper {
				d.Errorf("run of %s: %s of %q, %v", start.Scraper, run.ID, run.Scraper, err)
			}
		}
		var callers sync.WaitGroup
		callers.Go(func() { ask(slots[0]) })
		<-log.began
		for _, slot := range slots[1:] {
			callers.Go(func() { ask(slot) })
		}
		for crowd.Waiting() < len(slots)-1 {
			runtime.Gosched()
		}
		close(log.goOn)
		callers.Wait()
		if log.many != 2 || log.one != 0 {
			d.Errorf("%d readings of many, %d of one, want 2 and 0", log.many, log.one)
		}
		if run, err := crowd.Run(d.Context(), uuid.New()); err != nil || run.ID != uuid.Nil {
			d.Errorf("a run that there is not: %v, %v", run, err)
		}
		if scraper, err := crowd.Scraper(d.Context(), "shop-7"); err != nil || scraper.Config.Name != "shop-7" {
			d.Errorf("%v, %v", scraper, err)
		}
		if scraper, err := crowd.Scraper(d.Context(), "no-such"); err != nil || !scraper.ConfiguredAt.IsZero() {
			d.Errorf("a scraper that there is not: %v, %v", scraper, err)
		}
	})
}
