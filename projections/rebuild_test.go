package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/projections/projectionstest"
)

// testPage is far smaller than pageSize, and so the logs need not be long.
const testPage = 100

func (l *testLog) rebuild(ctx context.Context, progress func(done, head int64), all ...Projection) error {
	unlock, err := lockBuilds(ctx, l.Store)
	if err != nil {
		return err
	}
	defer unlock()
	return rebuild(ctx, l.Store, all, testPage, progress)
}

func (l *testLog) rebuildAll() {
	l.Helper()
	if err := l.rebuild(l.Context(), nil, All()...); err != nil {
		l.Fatal(err)
	}
}

func TestRebuiltIsTheSameAsLive(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := projectionstest.NewStory(t)
		log.Given(tale.Events(2*testPage + 30)...)
		live := log.Dump()
		log.rebuildAll()
		same(t, "rebuilt", log.Dump(), live)

		// What was rebuilt goes on as if nothing had been.
		log.Given(tale.Events(50)...)
		live = log.Dump()
		log.rebuildAll()
		same(t, "rebuilt again", log.Dump(), live)

		// Nor if it wrote its rows and read them again.
		if err := rebuild(t.Context(), log.Store, All(), 2, nil); err != nil {
			t.Fatal(err)
		}
		same(t, "rebuilt in small pages", log.Dump(), live)
	})
}

// Replaying the end of the log from first to last would come to the same rows
// without any guard, so events come again one by one and in any order.
func TestApplyingTwiceLeavesTheSameRows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := projectionstest.NewStory(t)
		log.Given(tale.Events(200)...)
		once := log.Dump()
		records, err := log.Read(t.Context(), eventstore.Query{})
		if err != nil {
			t.Fatal(err)
		}
		tale.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		for _, p := range All() {
			if err := log.Apply(t.Context(), p, records...); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "applied twice", log.Dump(), once)
	})
}

// What database is behind a transaction that the store has not begun is not known.
func TestRowsAreWrittenInATransactionOfOthers(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Append(projectionstest.NewStory(t).Events(50)...)
		records, err := log.Read(t.Context(), eventstore.Query{})
		if err != nil {
			t.Fatal(err)
		}
		tx, err := log.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			e, err := domain.Decode(r.Type, r.Data)
			for _, p := range All() {
				err = errors.Join(err, p.Apply(t.Context(), tx, r, e))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		written := log.Dump()
		log.rebuildAll()
		same(t, "written in a transaction of others", written, log.Dump())
	})
}

func TestARebuildBehindTheLogTakesTheGroupAlong(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Append(configured(0), started(runA, 1))
		log.rebuildAll()
		for _, p := range All() {
			if offset, err := log.Offset(t.Context(), p.Name()); err != nil || offset != 2 {
				t.Errorf("%s: offset %d, %v", p.Name(), offset, err)
			}
		}
		rebuilt := log.Dump()
		log.Follow()
		same(t, "followed after that", log.Dump(), rebuilt)
	})
}

func TestACrashInTheMiddleLeavesTheOldRows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(projectionstest.NewStory(t).Events(2*testPage + 10)...)
		live := log.Dump()
		for _, p := range All() {
			ctx, crash := context.WithCancel(t.Context())
			err := log.rebuild(ctx, func(int64, int64) { crash() }, p)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: %v", p.Name(), err)
			}
		}
		same(t, "after the crash", log.Dump(), live)
		log.rebuildAll()
		same(t, "rebuilt after it", log.Dump(), live)
	})
}

func TestARebuildTellsHowFarItIs(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t))
	log.Given(projectionstest.NewStory(t).Events(2*testPage + 10)...)
	var told strings.Builder
	err := log.rebuild(t.Context(), func(done, head int64) { fmt.Fprintf(&told, "%d/%d ", done, head) }, All()[1])
	if want := "100/210 200/210 210/210 "; err != nil || told.String() != want {
		t.Errorf("told %q, want %q, %v", told.String(), want, err)
	}
	if err := Rebuild(t.Context(), log.Store, []string{"runs"}, nil); err != nil {
		t.Error(err)
	}
	if err := Rebuild(t.Context(), log.Store, []string{"runs", "walks"}, nil); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("an unknown projection: %v", err)
	}
}

func TestRebuildsBesideALogThatGrows(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := projectionstest.NewStory(t)
		log.Given(tale.Events(testPage + 50)...)
		var grow sync.WaitGroup
		grow.Go(func() {
			for range 20 {
				log.Given(tale.Events(5)...)
				if _, err := log.Runs(t.Context(), RunFilter{}); err != nil {
					t.Errorf("a query during a rebuild: %v", err)
				}
			}
		})
		for range 3 {
			log.rebuildAll()
		}
		grow.Wait()
		live := log.Dump()
		log.rebuildAll()
		same(t, "rebuilt in peace", log.Dump(), live)
	})
}

func TestEnsureMakesWhatIsMissingOrOfAnotherVersion(t *testing.T) {
	spoil := map[string]string{
		"a table that was dropped":      "DROP TABLE run_counts",
		"tables of another version":     "UPDATE projections SET version = 99",
		"everything that was forgotten": "DROP TABLE projections",
	}
	for name, statement := range spoil {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, log *testLog) {
				log.Given(projectionstest.NewStory(t).Events(60)...)
				live := log.Dump()
				log.Exec(statement)
				if err := Ensure(t.Context(), log.Store); err != nil {
					t.Fatal(err)
				}
				same(t, "ensured", log.Dump(), live)
			})
		})
	}
}

func TestEnsureOnManyInstancesAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(projectionstest.NewStory(t).Events(60)...)
		live := log.Dump()
		log.Exec("DROP TABLE projections")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := Ensure(t.Context(), log.Store); err != nil {
					t.Errorf("ensure: %v", err)
				}
			})
		}
		all.Wait()
		same(t, "ensured by many", log.Dump(), live)
	})
}

// An instance that starts has its tables already and must not wait for the one that
// rebuilds one of them.
func TestEnsureBesideARebuild(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		unlock, err := lockBuilds(t.Context(), log.Store)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := Ensure(ctx, log.Store); err != nil {
			t.Error(err)
		}
	})
}
