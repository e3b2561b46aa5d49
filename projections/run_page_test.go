package projections

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// manyRuns is a log of runs of every status, trigger and scraper, three to an instant.
func manyRuns(rng *rand.Rand, n int) []domain.Event {
	var events []domain.Event
	for i := range n {
		run := domain.AboutRun{RunID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)), Scraper: "s" + fmt.Sprint(rng.IntN(3)), At: at(float64(i / 3))}
		events = append(events, domain.RunStarted{AboutRun: run, Trigger: domain.Triggers[rng.IntN(len(domain.Triggers))], Instance: "i1"})
		ends := []domain.Event{
			nil, domain.RunCompleted{AboutRun: run, MinItems: rng.Int64N(2)}, domain.RunFailed{AboutRun: run},
			domain.ConnectionLost{AboutRun: run}, domain.RunCancelled{AboutRun: run},
		}
		if end := ends[rng.IntN(len(ends))]; end != nil {
			events = append(events, end)
		}
	}
	return events
}

// wants is the filter's meaning, told the slow way.
func (f RunFilter) wants(r Run) bool { return f.has(r) && strings.Contains(r.Scraper, f.Text) }

// pages reads page after page to the end.
func (l *testLog) pages(f RunFilter) (all []Run) {
	l.Helper()
	for {
		page, err := l.Runs(l.Context(), f)
		if err != nil {
			l.Fatal(err)
		}
		if page.Next != "" && len(page.Runs) != f.Limit {
			l.Fatalf("a page of %d that is not the last, limit %d", len(page.Runs), f.Limit)
		}
		all = append(all, page.Runs...)
		if f.Cursor = page.Next; f.Cursor == "" {
			return all
		}
	}
}

func TestEveryFilterChoosesAndPagesWithoutGapOrRepeat(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	onEach(t, func(t *testing.T, log *testLog) {
		rng := rand.New(rand.NewPCG(seed, 1))
		log.Given(manyRuns(rng, 90)...)
		everything := log.pages(RunFilter{Limit: 100})
		if len(everything) != 90 || !slices.IsSortedFunc(everything, func(a, b Run) int {
			if a.below(b) {
				return 1
			}
			return -1
		}) {
			t.Fatalf("%d runs, or not newest first", len(everything))
		}
		for range 60 {
			f := randomFilter(rng)
			var want []string
			for _, r := range everything {
				if f.wants(r) {
					want = append(want, r.ID.String())
				}
			}
			var got []string
			for _, r := range log.pages(f) {
				got = append(got, r.ID.String())
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v:\n got %d %v\nwant %d %v", f, len(got), got, len(want), want)
			}
		}
	})
}

func randomFilter(rng *rand.Rand) RunFilter {
	f := RunFilter{Limit: 1 + rng.IntN(12)}
	for range rng.IntN(4) {
		f.Statuses = append(f.Statuses, domain.Statuses[rng.IntN(len(domain.Statuses))]) // one may come twice
	}
	if rng.IntN(2) == 0 {
		f.Scraper = "s" + fmt.Sprint(rng.IntN(4)) // one of them is nobody
	}
	if rng.IntN(3) == 0 {
		f.Text = []string{"s", "1", "none"}[rng.IntN(3)]
	}
	if rng.IntN(2) == 0 {
		f.Trigger = domain.Triggers[rng.IntN(len(domain.Triggers))]
	}
	f.Short = rng.IntN(3) == 0
	if rng.IntN(3) == 0 {
		f.Since = at(float64(rng.IntN(30)))
	}
	if rng.IntN(3) == 0 {
		f.Until = at(float64(rng.IntN(30)))
	}
	return f
}

func TestAPageStaysWhereItIsWhileRunsStart(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), 9)...)
		first, err := log.Runs(t.Context(), RunFilter{Limit: 4})
		if err != nil {
			t.Fatal(err)
		}
		log.Given(started(runA, 500))
		second, err := log.Runs(t.Context(), RunFilter{Limit: 4, Cursor: first.Next})
		if err != nil || len(second.Runs) != 4 || !second.Runs[0].below(first.Runs[3]) || second.Runs[0].StartPosition == first.Runs[3].StartPosition {
			t.Errorf("%+v, %v", second, err)
		}
	})
}

func TestLimitsOfAPage(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), MaxLimit+1)...)
		for limit, want := range map[int]int{0: 50, 1: 1, 500: 500} {
			page, err := log.Runs(t.Context(), RunFilter{Limit: limit})
			if err != nil || len(page.Runs) != want || page.Next == "" {
				t.Errorf("limit %d: %d runs, next %q, %v", limit, len(page.Runs), page.Next, err)
			}
		}
	})
}

func TestAFilterThatCannotBeMetIsRefused(t *testing.T) {
	good := cursor{noon.UnixMicro(), 7}.String()
	tests := map[string]RunFilter{
		"status":  {Statuses: []domain.RunStatus{"runningg"}},
		"trigger": {Trigger: "cron"},
		"limit":   {Limit: 501},
		"cursor":  {Cursor: good + "x"},
	}
	q := &Queries{}
	for field, f := range tests {
		_, err := q.Runs(t.Context(), f)
		var said *domain.FieldError
		if !errors.Is(err, domain.ErrInvalid) || !errors.As(err, &said) || said.Field != field {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, bad := range []string{"x", "-1", good[1:], " " + good, "MTIz", "JTAwJTAw"} {
		if _, err := parseCursor(bad); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	if _, err := q.Runs(t.Context(), RunFilter{Limit: -1}); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("limit -1: %v", err)
	}
	if c, err := parseCursor(good); err != nil || c != (cursor{noon.UnixMicro(), 7}) {
		t.Errorf("a good cursor: %+v, %v", c, err)
	}
}

// A text that no scraper's name contains may be a part of a run's id. The counts are those
// of the list.
func TestTheTextOfAFilter(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), 30)...)
		everything := log.pages(RunFilter{Limit: 100})
		one := everything[7]
		digits := strings.ReplaceAll(one.ID.String(), "-", "")
		for text, want := range map[string]int{
			one.ID.String(): 1, digits[:8]: 1, digits[24:]: 1, "run-" + digits[24:]: 1, "S": 30, "s s": 30, "s nope": 0, "%": 0, "_0": 0, "é": 0,
		} {
			f := RunFilter{Text: text, Limit: 100}
			runs := log.pages(f)
			counts, err := log.CountsOf(t.Context(), f, 100)
			if err != nil || len(runs) != want || counts.Total() != int64(want) {
				t.Errorf("%q: %d runs, counted %v, want %d (%v)", text, len(runs), counts, want, err)
			}
		}
		if other := everything[8].Scraper; other != one.Scraper {
			if runs := log.pages(RunFilter{Text: digits[:8], Scraper: other, Limit: 9}); len(runs) != 0 {
				t.Errorf("a run of another scraper: %v", runs)
			}
		}
	})
}

// Of many scrapers with a text in their names the runs of the first are searched, and the
// page says which those are.
func TestATextInManyNames(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		var events []domain.Event
		for i := range scrapersSearched + 3 {
			run := domain.AboutRun{RunID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)), Scraper: fmt.Sprintf("shop-%02d", i), At: at(float64(i))}
			events = append(events, domain.RunStarted{AboutRun: run, Trigger: domain.TriggerManual, Instance: "i1"})
		}
		log.Given(events...)
		page, err := log.Runs(t.Context(), RunFilter{Text: "shop"})
		if err != nil || len(page.Runs) != scrapersSearched || len(page.Scrapers) != scrapersSearched || !page.More || page.Next != "" {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

// The last runs of several scrapers are those of their lists, but for what bars do not show.
func TestLastRuns(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), 60)...)
		names := []string{"s0", "s1", "nobody"}
		last, err := log.LastRuns(t.Context(), names, 7)
		if err != nil || len(last) != 2 {
			t.Fatalf("%v, %v", last, err)
		}
		for _, name := range names {
			page, err := log.Runs(t.Context(), RunFilter{Scraper: name, Limit: 7})
			if err != nil || len(page.Runs) != len(last[name]) {
				t.Fatalf("%s: %d of %d, %v", name, len(last[name]), len(page.Runs), err)
			}
			for i, want := range page.Runs {
				got := last[name][i]
				if got.ID != want.ID || got.Status != want.Status || !got.StartedAt.Equal(want.StartedAt.Time) || !got.EndedAt.Equal(want.EndedAt.Time) || (got.Items == nil) != (want.Items == nil) || got.Recovers != want.Recovers {
					t.Errorf("%s, %d: %+v, want %+v", name, i, got, want)
				}
			}
		}
		if none, err := log.LastRuns(t.Context(), nil, 7); err != nil || len(none) != 0 {
			t.Errorf("of none: %v, %v", none, err)
		}
	})
}
