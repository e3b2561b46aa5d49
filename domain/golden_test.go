package domain_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrapelog/domain"
	"scrapelog/domain/domaintest"
)

// A golden file is written once, for a new event. An old one is never edited:
// logs that hold it exist. A changed shape is a new version with an upcaster.
var writeMissing = flag.Bool("golden", false, "write golden files that are missing")

func frozen() map[string]domain.Event {
	manual := started
	manual.Params = json.RawMessage(`{"depth":3}`)
	scheduled := domain.RunStarted{AboutRun: aboutRun(runID, 0), Trigger: domain.TriggerSchedule, DueAt: at(-0.25), Instance: "i1"}
	recovery := domain.RunStarted{AboutRun: aboutRun(otherID, 51), Trigger: domain.TriggerRecovery, Recovers: runID, Watcher: "tab-1", Instance: "i1"}
	watcher := domain.ConnectionLost{AboutRun: aboutRun(runID, 41), Link: domain.LinkWatcher, Cause: domain.CauseWatcherGone, Detail: "away for 10s"}
	named := lost
	named.Cause, named.LastEvent = domain.CauseEOF, "Completed"
	exhausted := domain.ConnectionLost{AboutRun: aboutRun(runID, 41), Link: domain.LinkScraper, Phase: domain.PhaseConnecting, Cause: domain.CauseInstanceExhausted, Detail: "too many open files"}
	noted := completed
	noted.Note = "the last page repeated the one before"
	short := domain.RunCompleted{AboutRun: aboutRun(runID, 60), DurationMS: 60_000, MinItems: 1}
	rejected := failed
	rejected.Code, rejected.HTTPStatus = domain.CodeRejected, 500
	full := configured(func(c *domain.ScraperConfig) {
		c.Platforms = []string{"alpha", "beta"}
		c.Params = map[string]any{"depth": 2}
		c.HeadersEnv = map[string]string{"Authorization": "SHOP_TOKEN"}
		c.Probe.URL = "http://127.0.0.1:9090/healthz"
	})
	signed := configured(func(c *domain.ScraperConfig) { c.SignEnv = "SHOP_SECRET" })
	return map[string]domain.Event{
		"run.started.manual":             manual,
		"run.started.schedule":           scheduled,
		"run.started.recovery":           recovery,
		"run.connection_lost.scraper":    lost,
		"run.connection_lost.watcher":    watcher,
		"run.connection_lost.named":      named,
		"run.connection_lost.exhausted":  exhausted,
		"run.connection_restored":        restored,
		"run.completed":                  completed,
		"run.completed.note":             noted,
		"run.completed.short":            short,
		"run.failed":                     failed,
		"run.failed.rejected":            rejected,
		"run.cancelled":                  cancelled,
		"scraper.configured":             full,
		"scraper.configured.expect":      expects(nil),
		"scraper.configured.signed":      signed,
		"scraper.overdue":                domain.ScraperOverdue{AboutScraper: aboutScraper(120), Within: domain.Duration(26 * time.Hour), LastSuccessAt: at(60)},
		"scraper.overdue.never":          domain.ScraperOverdue{AboutScraper: aboutScraper(120), Within: domain.Duration(90 * time.Second)},
		"scraper.paused":                 paused,
		"scraper.resumed":                resumed,
		"scraper.removed":                removed,
		"log.accepted":                   domain.LogAccepted{At: at(60), By: "cli", Reason: "the disk broke", Superseded: 44, Proven: 30, Key: "scrapelog/0123456789abcdef+01234567"},
		"log.read":                       domain.LogRead{At: at(71), By: "cli:1000", What: domain.ReadBundle, After: 1000, Until: 2000},
		"log.verified":                   domain.LogVerified{At: at(70), UpTo: 44, Root: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Result: "intact", Whole: true, TookMS: 1200},
		"log.verified.damaged":           domain.LogVerified{At: at(70), UpTo: 10, Root: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Result: "damaged", TookMS: 1200, Says: "The log is damaged: the event at position 17 was edited."},
		"user.added":                     domain.UserAdded{AboutUser: aboutUser(10), Role: domain.RoleAdmin},
		"user.role_changed":              domain.UserRoleChanged{AboutUser: aboutUser(11), Role: domain.RoleView},
		"user.disabled":                  domain.UserDisabled{AboutUser: aboutUser(12)},
		"user.removed":                   domain.UserRemoved{AboutUser: aboutUser(13)},
		"user.password_changed":          domain.UserPasswordChanged{AboutUser: aboutUser(14)},
		"token.issued":                   domain.TokenIssued{AboutUser: aboutUser(15), TokenID: "k2v7m4q3x5a6b2c4", Role: domain.RoleOperate, Scrapers: "shop-*", ExpiresAt: at(3600)},
		"token.issued.all":               domain.TokenIssued{AboutUser: aboutUser(15), TokenID: "k2v7m4q3x5a6b2c4", Role: domain.RoleMetrics, ExpiresAt: at(3600)},
		"token.revoked":                  domain.TokenRevoked{AboutUser: aboutUser(16), TokenID: "k2v7m4q3x5a6b2c4"},
		"scraper.scrape_skipped.slot":    domain.ScrapeSkipped{AboutScraper: aboutScraper(60), Trigger: domain.TriggerSchedule, DueAt: at(60), Reason: domain.SkipRunOpen},
		"scraper.scrape_skipped.recover": domain.ScrapeSkipped{AboutScraper: aboutScraper(60), Trigger: domain.TriggerRecovery, Recovers: runID, Reason: domain.SkipPaused},
	}
}

func TestEventsAreFrozen(t *testing.T) {
	seen := map[string]bool{}
	for name, e := range frozen() {
		seen[e.EventType()] = true
		t.Run(name, func(t *testing.T) {
			data, err := domain.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(map[string]any{"type": e.EventType(), "stream": e.Stream(), "data": data}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "events", name+".json")
			want, err := os.ReadFile(path)
			if os.IsNotExist(err) && *writeMissing {
				want = append(got, '\n')
				err = os.WriteFile(path, want, 0o644)
			}
			if err != nil {
				t.Fatalf("%v (a new event needs its golden file: go test ./domain -golden)", err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("the wire shape changed (-frozen +now):\n%s", diff)
			}
			back, err := domain.Decode(e.EventType(), data)
			if err != nil {
				t.Fatal(err)
			}
			again, err := domain.Encode(back)
			if err != nil || string(again) != string(data) {
				t.Errorf("decoding and encoding changed it: %s, %v", again, err)
			}
		})
	}
	for _, declared := range domaintest.EventTypes(t) {
		if !seen[declared] {
			t.Errorf("%s has no golden file", declared)
		}
		if !slices.Contains(domain.AllEventTypes, declared) {
			t.Errorf("%s stands in no list of event types: it would be written and never read", declared)
		}
	}
}

func TestAnUnknownEventIsPassedOver(t *testing.T) {
	e, err := domain.Decode("run.teleported", []byte(`{"anything":1}`))
	if e != nil || err != nil {
		t.Errorf("got %v, %v; want nothing", e, err)
	}
}

func TestADamagedEventIsAnError(t *testing.T) {
	for _, data := range []string{``, `{`, `[]`, `{"run_id":"no"}`} {
		if e, err := domain.Decode("run.completed", []byte(data)); err == nil {
			t.Errorf("%q decoded to %v", data, e)
		}
	}
}
