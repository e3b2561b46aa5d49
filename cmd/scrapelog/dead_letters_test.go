package main

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
)

// giveUp makes a dead letter of the event at a position.
func giveUp(t *testing.T, store *eventstore.Store, group string, position int64) {
	t.Helper()
	err := store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO dead_letters (topic, consumer_group, position, reason, recorded_at) VALUES ('events', $1, $2, 'poison', 0)`, group, position)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDeadLetterCommands(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := openStore(t, db.URL)
		record(t, store, story()[:4]...) // the connection is back, and nothing followed
		giveUp(t, store, "rescrape", 4)
		giveUp(t, store, "rescrape", 2)
		giveUp(t, store, "other", 2)
		for _, step := range []struct {
			args, jq, want string
			code           int
		}{
			{"list", ".position", "2 2 4", 0},
			{"show 4", ".event.type, .reason", "run.connection_restored poison", 0},
			{"show 3", ".", "", 3},
			{"show x", ".", "", 2},
			{"show 2", ".", "", 2},
			{"show 2 --group other", ".group", "other", 0},
			{"replay 2 --group other", ".", "", 6},
			{"replay 2 --group rescrape", ".type", "", 0}, // to which it has nothing to say
			{"replay 4", ".type, .data.recovers", "run.started " + firstRun.String(), 0},
			{"replay 4", ".", "", 3},
			{"list", ".group", "other", 0},
		} {
			stdout, stderr, code := invoke(t, append(strings.Fields("events dead-letters "+step.args), "--db", db.URL, "-o", "ndjson", "--jq", step.jq)...)
			if got := strings.Join(strings.Fields(stdout), " "); got != step.want || code != step.code {
				t.Errorf("%s: %q, want %q; exit %d, want %d; %s", step.args, got, step.want, code, step.code, stderr)
			}
		}
	})
}

// What no program of this version can read fails again, and stays.
func TestReplayOfPoison(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		store := openStore(t, db.URL)
		record(t, store, story()[:3]...)
		tamper(t, store, `INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata) VALUES
			(4, 'run-`+firstRun.String()+`', 3, '0198c2f4-0000-7000-8000-0000000000ff', 'run.connection_restored', 0, '{"down_for_ms":"poison"}', '{}')`)
		giveUp(t, store, "rescrape", 4)
		_, stderr, code := invoke(t, "events", "dead-letters", "replay", "4", "--db", db.URL)
		if code != exitNegative || !strings.Contains(stderr, "rescrape failed again, and the letter stays: position 4: event run.connection_restored: ") {
			t.Errorf("exit %d, %s", code, stderr)
		}
		if letters, err := feed.New(store).DeadLetters(t.Context()); len(letters) != 1 || err != nil {
			t.Errorf("letters %+v, %v", letters, err)
		}
	})
}

func TestReplayKeepsOutOfAServersWay(t *testing.T) {
	db := eventstoretest.SQLite(t)
	store := openStore(t, db.URL)
	record(t, store, story()[:4]...)
	giveUp(t, store, "rescrape", 4)
	instance, err := instances.New(store).Acquire(t.Context(), "server")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = instance.Release(context.WithoutCancel(t.Context())) }()
	_, stderr, code := invoke(t, "events", "dead-letters", "replay", "4", "--db", db.URL)
	if code != exitRefused || !strings.Contains(stderr, "stop it") {
		t.Errorf("beside a server: exit %d, %s", code, stderr)
	}
}
