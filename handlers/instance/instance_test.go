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
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/command"
	"scrapelog/handlers/instance"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// TestRunsOfADeadInstanceEnd lets an instance take a run and vanish.
func TestRunsOfADeadInstanceEnd(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := db.Open(t)
		dead, alive := uuid.NewString(), uuid.NewString()
		lock, err := store.AcquireInstance(t.Context(), alive)
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
		keeper := &instance.Keeper{Store: store, Beat: lock.Beat, Handle: commands.Handle, Logger: slog.New(slog.DiscardHandler)}
		for range 2 { // a second sweep finds nothing to do
			if err := keeper.Sweep(t.Context()); err != nil {
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
			Store: nobodyDead{}, Logger: slog.New(slog.DiscardHandler),
			Beat: func(context.Context) error {
				beats++
				switch beats {
				case 2:
					return errors.New("the database is restarting")
				case 4:
					return eventstore.ErrMarkedDead
				}
				return nil
			},
		}
		err := keeper.Run(t.Context())
		if !errors.Is(err, eventstore.ErrMarkedDead) || time.Since(began) != 4*instance.BeatInterval {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

type nobodyDead struct{ instance.Store }

func (nobodyDead) DeadInstances(context.Context) ([]string, error) { return nil, nil }
