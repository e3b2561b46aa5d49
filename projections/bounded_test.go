package projections

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

func TestCountsUnderAFilter(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	onEach(t, func(t *testing.T, log *testLog) {
		rng := rand.New(rand.NewPCG(seed, 2))
		log.Given(manyRuns(rng, 90)...)
		everything := log.pages(RunFilter{Limit: 100})
		for range 40 {
			f, most := randomFilter(rng), 1+rng.IntN(20)
			got, err := log.CountsOf(t.Context(), f, most)
			if err != nil {
				t.Fatal(err)
			}
			f.Statuses = nil
			want := Counts{}
			for _, status := range domain.Statuses {
				want[status] = 0
			}
			for _, r := range everything {
				if f.wants(r) {
					want[r.Status] = min(want[r.Status]+1, int64(most)+1)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%+v, at most %d:\n got %v\nwant %v", f, most, got, want)
			}
		}
		if _, err := log.CountsOf(t.Context(), RunFilter{Trigger: "no'pe"}, 1); err == nil {
			t.Error("a trigger that is none is counted")
		}
	})
}

// However many runs there are, a filter is answered by a walk along one index.
func TestEveryFilterIsServedByItsIndex(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(manyRuns(rand.New(rand.NewPCG(1, 1)), 300)...)
		log.Exec("ANALYZE")
		some := []RunFilter{{}, {Since: at(1)}, {Until: at(9)}, {Since: at(1), Until: at(9)}}
		for _, f := range some {
			for _, status := range []domain.RunStatus{"", domain.StatusFailed} {
				for _, trigger := range []domain.Trigger{"", domain.TriggerManual} {
					for _, scraper := range []string{"", "s1"} {
						f.Scraper, f.Trigger, f.Statuses = scraper, trigger, nil
						if status != "" {
							f.Statuses = []domain.RunStatus{status}
						}
						query, args, err := f.statement(50)
						if err != nil {
							t.Fatal(err)
						}
						log.walks(indexOf(f), query, args...)
						query, args = f.counting(10)
						all := f
						all.Trigger = domain.TriggerManual
						log.walks(indexOf(all), query, args...)
						f.Short = true
						query, args, err = f.statement(50)
						if err != nil {
							t.Fatal(err)
						}
						log.walks(indexOf(f), query, args...)
						query, args = f.counting(10)
						log.walks(indexOf(f), query, args...)
						f.Short = false
					}
				}
			}
		}
		log.walks("", fmt.Sprintf(startsOf, "$1, $2"), "a", "b")
		log.walks("scrapers_due", dueScrapers, 5)
		log.walks("scrapers_overdue", overdueScrapers, 5)
		log.walks("scrapers_paused", pausedScrapers, 5)
		log.walks("scrapers_lost", lostScrapers, 5)
		log.walks("scrapers_lost", countLosses, 5)
		for _, index := range []string{"scrapers_in_service", "scrapers_lost", "scrapers_paused"} {
			log.walks(index, scraperCounts)
		}
		log.walks("outages_open", countLosses, 5)
		named, args, _ := nameContains("s 1", "s", 5)
		log.walks("", fmt.Sprintf(scrapersWith, named), args...)
		log.walks("runs_scraper", fmt.Sprintf(lastRunsOf, 2), 5, "s1")
		log.walks("", scraperNames, 5)
		log.walks("scrapers_changed", changedScrapers, 0, 9, 5)
		log.walks("runs_changed", changedRuns, 0, 9, 5)
	})
}

// everything is how a plan says that it reads all rows, or all that match.
var everything = regexp.MustCompile(`Seq Scan|Bitmap|SCAN (runs|scrapers)\n|Sort Key[^\n]*\n\s+->  Index`)

// indexOf names the index that holds what a filter asks for.
func indexOf(f RunFilter) string {
	narrow := len(f.Statuses) > 0 || f.Trigger != ""
	switch {
	case f.Short && f.Scraper != "":
		return "runs_scraper_short"
	case f.Short:
		return "runs_short"
	case f.Scraper != "" && narrow:
		return "runs_scraper_status"
	case narrow:
		return "runs_status"
	case f.Scraper != "":
		return "runs_scraper"
	}
	return "runs_newest"
}

// walks fails when a query reads a table otherwise than by an index, or sorts what
// it has read; on SQLite, which goes by rules and not by guesses, also when it is
// another index than that of the given name.
func (l *testLog) walks(by, query string, args ...any) {
	l.Helper()
	explain := map[eventstore.Dialect]string{eventstore.SQLite: "EXPLAIN QUERY PLAN ", eventstore.Postgres: "EXPLAIN (COSTS OFF) "}[l.Dialect()]
	conn, err := l.Reader().Conn(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	defer conn.Close()
	if l.Dialect() == eventstore.Postgres { // where so few rows are read and joined sooner than found
		for _, setting := range []string{"enable_seqscan = off", "enable_sort = off", "enable_mergejoin = off", "enable_hashjoin = off", "plan_cache_mode = force_generic_plan"} {
			if _, err := conn.ExecContext(l.Context(), "SET "+setting); err != nil {
				l.Fatal(err)
			}
		}
		defer func() { _, _ = conn.ExecContext(l.Context(), "RESET ALL") }()
	}
	rows, err := conn.QueryContext(l.Context(), explain+query, args...)
	if err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		l.Fatal(err)
	}
	var plan []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			l.Fatal(err)
		}
		plan = append(plan, fmt.Sprint(*values[len(values)-1].(*any)))
	}
	text := strings.Join(plan, "\n")
	if everything.MatchString(text + "\n") {
		l.Errorf("%s\n%v is read by\n%s", query, args, text)
	}
	if by != "" && l.Dialect() == eventstore.SQLite && !strings.Contains(text, " "+by+"_1") { // and when it was made
		l.Errorf("%s\n%v is not read by %s but by\n%s", query, args, by, text)
	}
}

func TestTheScrapersThatAreDueNext(t *testing.T) {
	scraper := func(name, schedule string) domain.ScraperConfigured {
		e := configured(0)
		e.Scraper, e.Config.Name, e.Config.Schedule = name, name, schedule
		return e
	}
	about := func(name string, seconds float64) domain.AboutScraper {
		return domain.AboutScraper{Scraper: name, At: at(seconds)}
	}
	onEach(t, func(t *testing.T, log *testLog) {
		due := func(want ...string) {
			t.Helper()
			scrapers, err := log.NextScrapers(t.Context(), 2)
			var got []string
			for _, s := range scrapers {
				got = append(got, s.Name)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("due next: %v, %v, want %v", got, err, want)
			}
		}
		due()
		log.Given(scraper("quarter", "@every 15m"), scraper("hour", "@every 1h"), scraper("half", "@every 30m"), scraper("never", ""))
		due("quarter", "half")
		log.Given(domain.ScraperPaused{AboutScraper: about("quarter", 1)})
		due("half", "hour")
		log.Given(domain.ScraperResumed{AboutScraper: about("quarter", 2)}, domain.ScraperRemoved{AboutScraper: about("half", 2)})
		due("quarter", "hour")
		run := domain.RunStarted{AboutRun: domain.AboutRun{RunID: runA, Scraper: "quarter", At: at(3600)}, Trigger: domain.TriggerSchedule, DueAt: at(3600), Instance: "i1"}
		log.Given(run, domain.ScrapeSkipped{AboutScraper: about("hour", 3600), Trigger: domain.TriggerSchedule, DueAt: at(3600), Reason: domain.SkipPaused})
		due("quarter", "hour")
		log.Given(scraper("hour", "@every 1m"))
		due("hour", "quarter")
	})
}

func TestScrapersPageByPage(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		for _, name := range []string{"d", "b", "a", "c"} {
			e := configured(0)
			e.Scraper, e.Config.Name = name, name
			log.Given(e)
		}
		log.Given(domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: "b", At: at(1)}})
		names, err := log.ScraperNames(t.Context(), 2)
		if err != nil || !slices.Equal(names, []string{"a", "c"}) {
			t.Errorf("names: %v, %v", names, err)
		}
		page, err := log.ScrapersFrom(t.Context(), "b", 1)
		if err != nil || len(page) != 1 || page[0].Name != "c" {
			t.Errorf("from b: %v, %v", page, err)
		}
		for words, want := range map[string]int{"": 3, "C": 1, "a c": 0, "%": 0, "b": 0} {
			if page, err = log.ScrapersWith(t.Context(), words, "", 9); err != nil || len(page) != want {
				t.Errorf("with %q: %v, %v", words, page, err)
			}
		}
	})
}

func TestAnOutlineDoesNotGrow(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		outline := Outline{log.Queries}
		changes := func(position int64) Changes {
			t.Helper()
			c, err := outline.ChangedSince(t.Context(), position)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		log.Given(configured(0), started(runA, 1))
		state := changes(0)
		if !state.State || len(state.Runs)+len(state.Scrapers) > 0 || state.Counts[domain.StatusRunning] != 1 || state.Position != 2 {
			t.Errorf("the state: %+v", state)
		}
		log.Given(lost(runA, 2))
		if few := changes(2); few.Many || len(few.Runs) != 1 || few.Runs[0].Status != domain.StatusConnectionFailed || len(few.Scrapers) != 1 || few.Position != 3 {
			t.Errorf("one change: %+v", few)
		}
		if none := changes(3); none.Position != 3 || none.Counts != nil {
			t.Errorf("none: %+v", none)
		}
		var storm []domain.Event
		for n := range OutlineMost + 1 {
			storm = append(storm, started(uuid.New(), float64(10+n)))
		}
		log.Given(storm...)
		if many := changes(3); !many.Many || len(many.Runs)+len(many.Scrapers) > 0 || many.Position != int64(3+len(storm)) || many.Counts.Total() != int64(1+len(storm)) {
			t.Errorf("many: %+v", many)
		}
	})
}
