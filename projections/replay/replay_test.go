package replay

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/projections"
)

// replay replays in memory and in the background, which must find the same.
func (l *testLog) replay(cfg Config) Comparison {
	l.Helper()
	c, again := l.replayOnce(cfg, false), l.replayOnce(cfg, true)
	if !reflect.DeepEqual(c, again) {
		l.Errorf("in memory: %+v\nin the background: %+v", c, again)
	}
	return c
}

func (l *testLog) replayOnce(cfg Config, background bool) Comparison {
	l.Helper()
	if cfg.Against == nil {
		cfg.Against = InTables(l.Store)
	}
	cfg.Background = background
	c, err := Compare(l.Context(), l.Store, cfg)
	if err != nil {
		l.Fatal(err)
	}
	return c
}

// lines is a line for each difference.
func (c Comparison) lines() string {
	var b strings.Builder
	for _, d := range c.Differences {
		fmt.Fprintf(&b, "%s %s %s after %d", d.Table, d.Key, d.Kind, d.After)
		for _, column := range d.Columns {
			fmt.Fprintf(&b, " %s:%v/%v", column.Name, column.Kept, column.Replayed)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestReplayedIsTheSameAsLive(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		if c := log.replay(Config{}); !c.Equal || c.Position != 0 {
			t.Errorf("an empty log: %+v", c)
		}
		tale := newStory(t)
		log.Given(tale.Events(300)...)
		c := log.replay(Config{})
		counts, err := log.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !c.Equal || c.Position != 300 || c.Differing != 0 || c.First != nil || fmt.Sprint(c.Counts) != fmt.Sprint(counts) {
			t.Errorf("%+v\n%s", c, c.lines())
		}
		if rows := log.Count("runs") + log.Count("run_counts"); c.Projections[0].Rows != rows || c.Projections[1].Rows != log.Count("scrapers") {
			t.Errorf("%d rows and %+v", rows, c.Projections)
		}

		// Up to any position: what is changed since cannot be compared, all else is.
		for range 5 {
			until := 1 + tale.Int64N(150)
			c := log.replay(Config{Until: until})
			rows, changed := c.Projections[0].Rows, c.Projections[0].Changed
			if !c.Equal || c.Position != until || rows+changed != log.Count("runs")+log.Count("run_counts") || changed == 0 {
				t.Errorf("until %d: %+v\n%s", until, c, c.lines())
			}
		}
	})
}

func TestATamperedRowIsNamedWithItsEvent(t *testing.T) {
	a, b := runA.String(), runB.String()
	spoil := map[string]struct {
		statement string
		want      string
		first     int64
	}{
		"the end of a run": {
			"UPDATE runs SET status = 'failed' WHERE id = '" + b + "'",
			"runs " + b + " changed after 6 status:failed/completed\n", 6},
		"a run set back": {
			"UPDATE runs SET status = 'running', ended_at = NULL WHERE id = '" + a + "'",
			"runs " + a + " changed after 3 status:running/connection_failed ended_at:<nil>/1795435202000000\n", 3},
		"the name of a run's scraper": {
			"UPDATE runs SET scraper = 'other' WHERE id = '" + b + "'",
			"runs " + b + " changed after 5 scraper:other/shop\n", 5},
		"a recovery that is denied": {
			"UPDATE runs SET recovered_by = NULL WHERE id = '" + a + "'",
			"runs " + a + " changed after 5 recovered_by:<nil>/" + b + "\n", 5},
		"a run that is gone": {
			"DELETE FROM runs WHERE id = '" + a + "'",
			"runs " + a + " missing after 2\n", 2},
		"the last run that is gone": {
			"DELETE FROM runs WHERE id = '" + b + "'",
			"runs " + b + " missing after 5\n", 5},
		"a run that never was": {
			"INSERT INTO runs (id, started_at, position, started, received_events, received_bytes, http_status, tail) VALUES ('forged', 1, 9, 9, 0, 0, 0, 0)",
			"runs forged extra after 0\n", 0},
		"a count": {
			"UPDATE run_counts SET runs = 2 WHERE status = 'completed'",
			"run_counts completed changed after 6 runs:2/1\n", 6},
		"a pause": {
			"UPDATE scrapers SET paused = NOT paused",
			"scrapers shop changed after 7 paused:false/true\n", 7},
		"two rows": {
			"UPDATE runs SET instance = 'x'",
			"runs " + a + " changed after 2 instance:x/i1\nruns " + b + " changed after 5 instance:x/i1\n", 2},
	}
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(told()...)
		for name, test := range spoil {
			log.Exec(test.statement)
			c := log.replay(Config{})
			if c.Equal || c.lines() != test.want || c.Differing != strings.Count(test.want, "\n") {
				t.Errorf("%s: %d differ\n got %s\nwant %s", name, c.Differing, c.lines(), test.want)
			}
			if first := c.First; test.first > 0 && (first == nil || first.Position != test.first) || test.first == 0 && first != nil {
				t.Errorf("%s: first %+v, want %d", name, first, test.first)
			}
			log.rebuildAll()
		}
	})
}

// A value that the row once had was left behind by the first event that it does
// not show. A count comes to the same number again and again: there the last counts.
func TestWhatWasLeftBehindIsToldFromWhatWasPutInItsPlace(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		first := configured(0)
		log.Given(first)
		for i := range 3 {
			next := configured(float64(10 * (i + 1)))
			next.Config.Schedule = fmt.Sprintf("@every %dm", i+1)
			log.Given(next)
		}
		for i, run := range []uuid.UUID{runA, runB, uuid.Max} {
			log.Given(started(run, float64(60+i)), completed(run, float64(70+i), 1))
		}
		config, err := json.Marshal(first.Config)
		if err != nil {
			t.Fatal(err)
		}
		log.Exec("UPDATE scrapers SET config = $1", string(config))
		log.Exec("UPDATE run_counts SET runs = 1")
		var got []string
		for _, d := range log.replay(Config{}).Differences {
			got = append(got, fmt.Sprintf("%s %s after %d", d.Table, d.Key, d.After))
		}
		want := []string{"scrapers shop after 2", "run_counts completed after 10", "run_counts running after 10"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestATypeThatDoesNotBelongIsADifference(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t)) // whose columns hold anything
	log.Given(told()...)
	log.Exec("UPDATE runs SET items = 'many', trigger = X'ff' WHERE id = '" + runB.String() + "'")
	want := "runs " + runB.String() + " changed after 5 trigger:\xff/recovery items:many/7\n"
	if c := log.replay(Config{}); c.lines() != want {
		t.Errorf("got %q, want %q", c.lines(), want)
	}
}

// A projection that passed over an event is found by that event.
func TestAMissedEventIsNamed(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := newStory(t)
		log.Append(tale.Events(150)...)
		records, err := log.Read(t.Context(), eventstore.Query{})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for range 6 {
			missed := 1 + tale.IntN(150)
			log.Exec("DELETE FROM runs")
			log.Exec("DELETE FROM run_counts")
			runs := projections.All()[0]
			if err := log.Apply(t.Context(), runs, slices.Concat(records[:missed-1], records[missed:])...); err != nil {
				t.Fatal(err)
			}
			log.SetOffset("runs", 150)
			c := log.replay(Config{Names: []string{"runs"}})
			if c.Equal {
				continue // nothing is left of it: another event has taken its place, or it is none of a run's
			}
			found++
			if c.First == nil || c.First.Position != int64(missed) {
				t.Errorf("missed %d %s: first %+v\n%s", missed, records[missed-1].Type, c.First, c.lines())
			}
		}
		if found == 0 {
			t.Error("no missed event made a difference")
		}
	})
}

func TestADifferenceAfterUntilIsNotLookedAt(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(told()...)
		log.Exec("UPDATE runs SET status = 'failed' WHERE id = '" + runB.String() + "'")
		for until, equal := range map[int64]bool{4: true, 5: true, 6: false, 7: false, 99: false} {
			c := log.replay(Config{Until: until})
			if c.Equal != equal || c.Position != min(until, 7) {
				t.Errorf("until %d: %+v", until, c)
			}
		}
	})
}

func TestLaggingProjectionsAreComparedWhereTheyAre(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(told()[:5]...)
		log.Append(told()[5:]...)
		if err := log.FollowOne(projections.All()[1]); err != nil {
			t.Fatal(err)
		}
		c := log.replay(Config{})
		if p := c.Projections; !c.Equal || p[0].Position != 5 || p[0].Kept != 5 || p[1].Position != 7 {
			t.Errorf("%+v\n%s", c, c.lines())
		}
	})
}

func TestReadModelsAheadOfTheLog(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(told()...)
		log.SetOffset("runs", 9)
		c := log.replay(Config{})
		if c.Equal || !c.Projections[0].Ahead || c.Projections[1].Ahead {
			t.Errorf("%+v", c)
		}
	})
}

func TestWhatIsNotBuiltIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(told()...)
		for _, spoil := range []string{"UPDATE projections SET version = 99", "DROP TABLE run_counts", "DROP TABLE projections"} {
			log.Exec(spoil)
			if _, err := Compare(t.Context(), log.Store, Config{Against: InTables(log.Store)}); !errors.Is(err, projections.ErrNotBuilt) {
				t.Errorf("%s: %v", spoil, err)
			}
		}
		if _, err := Compare(t.Context(), log.Store, Config{Names: []string{"walks"}, Against: InTables(log.Store)}); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("an unknown projection: %v", err)
		}
	})
}

// A replay takes one snapshot, however the tables are written or swapped meanwhile.
func TestReplayBesideALogThatGrows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := newStory(t)
		log.Given(tale.Events(50)...)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 12 {
				log.Given(tale.Events(5)...)
				if i%4 == 0 {
					log.rebuildAll()
				}
			}
		}()
		for running := true; running; {
			select {
			case <-done:
				running = false
			default:
			}
			for _, background := range []bool{false, true} {
				if c := log.replayOnce(Config{}, background); !c.Equal {
					t.Errorf("background %v: %+v\n%s", background, c, c.lines())
				}
			}
		}
	})
}

// Keys that no event makes are extra rows wherever the database sorts them.
func TestRowsWithForeignKeys(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t))
	log.Given(told()...)
	for _, key := range []string{"NULL", "''", "X'ff'", "'" + runA.String() + "x'", "'zzz'"} {
		log.Exec("INSERT INTO runs (id, started_at, position, started, received_events, received_bytes, http_status, tail) VALUES (" + key + ", 1, 9, 9, 0, 0, 0, 0)")
	}
	c := log.replay(Config{})
	if c.Differing != 5 || len(c.Differences) != 5 {
		t.Errorf("%d differ\n%s", c.Differing, c.lines())
	}
	for _, d := range c.Differences {
		if d.Kind != RowExtra {
			t.Errorf("%+v", d)
		}
	}
}

func TestReplayTellsHowFarItIsAndWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(newStory(t).Events(30)...)
		before := log.Dump()
		var told strings.Builder
		log.replayOnce(Config{Progress: func(done, head int64) { fmt.Fprintf(&told, "%d/%d ", done, head) }}, false)
		if told.String() != "30/30 " {
			t.Errorf("told %q", told.String())
		}
		same(t, "after the replay", log.Dump(), before)
		err := log.InTx(t.Context(), func(context.Context, *sql.Tx) error { // the writer is taken, and nobody waits
			log.replay(Config{})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
