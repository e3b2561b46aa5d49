package instance_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/command"
	"scrapelog/handlers/instance"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// TestRunsOfADeadInstanceEnd lets an instance take a run and vanish.
func TestRunsOfADeadInstanceEnd(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := db.Open(t)
		dead, alive := uuid.NewString(), uuid.NewString()
		lock, err := instances.New(store).Acquire(t.Context(), alive)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := lock.Release(context.Background()); err != nil {
				t.Error(err)
			}
		})
		commands := &command.Handler{
			Log: store, Instance: func() string { return alive }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
			Follower: func(context.Context) (string, error) { return alive, nil },
		}
		orphan := start(t, commands, "orphan", dead)
		cared := start(t, commands, "cared-for", alive)
		keeper := &instance.Keeper{Store: instances.New(store), Beat: lock.Beat, Handle: commands.Handle, Logger: slog.New(slog.DiscardHandler)}
		for range 2 { // the second finds nothing to do
			if err := keeper.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if run := load(t, commands, orphan); run.Status != domain.StatusConnectionFailed || run.Cause != domain.CauseInstanceLost {
			t.Errorf("the orphan is %s (%s)", run.Status, run.Cause)
		}
		if run := load(t, commands, cared); run.Status != domain.StatusRunning {
			t.Errorf("the run of a live instance is %s", run.Status)
		}
	})
}

func start(t *testing.T, commands *command.Handler, name, follower string) uuid.UUID {
	t.Helper()
	config := domain.DefaultScraperConfig()
	config.Name, config.URL = name, "http://127.0.0.1:9090/"
	to := domain.ToScraper{Scraper: name}
	if _, err := commands.Handle(t.Context(), domain.ConfigureScraper{ToScraper: to, Source: domain.SourceAPI, Config: config}, domain.Origin{}); err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	if _, err := commands.Handle(t.Context(), domain.StartScrape{ToScraper: to, RunID: id, Trigger: domain.TriggerManual, Instance: follower}, domain.Origin{}); err != nil {
		t.Fatal(err)
	}
	return id
}

func load(t *testing.T, commands *command.Handler, id uuid.UUID) domain.Run {
	t.Helper()
	run, err := commands.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestAnInstanceMarkedDeadLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, beats := time.Now(), 0
		keeper := &instance.Keeper{
			Store: &graveyard{}, Logger: slog.New(slog.DiscardHandler),
			Beat: func(context.Context) error {
				beats++
				switch beats {
				case 2:
					return errors.New("the database is restarting")
				case 4:
					return instances.ErrMarkedDead
				}
				return nil
			},
		}
		err := keeper.Run(t.Context())
		if !errors.Is(err, instances.ErrMarkedDead) || time.Since(began) != 4*instance.BeatInterval {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// graveyard is a store in which another instance looks dead. It counts the checks.
type graveyard struct {
	instance.Store
	set    time.Duration // by how much its clock was set
	looked int
}

func (g *graveyard) Clock(context.Context) (time.Time, error) {
	return time.Now().Round(0).Add(g.set), nil
}

func (g *graveyard) Dead(context.Context) ([]string, error) {
	g.looked++
	return nil, nil
}

// No instance is taken for dead by beats that could not be made, or by a clock that was
// set, before two beats could have been made since.
func TestWhoCouldNotBeatItselfBuriesNobody(t *testing.T) {
	const every = instance.BeatInterval
	for name, c := range map[string]struct {
		beat  func(*graveyard, int) error // what happens at the nth
		beats int
		looks int
	}{
		"every beat is made":         {func(*graveyard, int) error { return nil }, 10, 9},
		"the database was away":      {failing(4, 5), 10, 2 + 3},
		"the first two beats fail":   {failing(1, 2), 10, 6},
		"one beat fails":             {failing(4, 4), 10, 2 + 4},
		"this instance was stopped":  {func(_ *graveyard, n int) error { time.Sleep(map[int]time.Duration{4: 5 * every}[n]); return nil }, 8, 2 + 2},
		"the clock was set forward":  {setting(4, time.Minute), 10, 2 + 5},
		"the clock was set back":     {setting(4, -time.Hour), 10, 2 + 5},
		"the clock is a little fast": {func(g *graveyard, _ int) error { g.set += every / 10; return nil }, 10, 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, n := &graveyard{}, 0
				keeper := &instance.Keeper{Store: store, Logger: slog.New(slog.DiscardHandler), Beat: func(context.Context) error {
					if n++; n > c.beats {
						return instances.ErrMarkedDead
					}
					return c.beat(store, n)
				}}
				if err := keeper.Run(t.Context()); !errors.Is(err, instances.ErrMarkedDead) {
					t.Fatal(err)
				}
				if store.looked != c.looks {
					t.Errorf("looked for the dead %d times, want %d", store.looked, c.looks)
				}
			})
		})
	}
}

func failing(from, to int) func(*graveyard, int) error {
	return func(_ *graveyard, n int) error {
		if n >= from && n <= to {
			return errors.New("the database is restarting")
		}
		return nil
	}
}

func setting(at int, by time.Duration) func(*graveyard, int) error {
	return func(g *graveyard, n int) error {
		if n == at {
			g.set += by
		}
		return nil
	}
}
