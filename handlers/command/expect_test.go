package command_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// expects configures at noon that a run completes within an hour.
func (d desk) expects() {
	d.Helper()
	config := domain.DefaultScraperConfig()
	config.Name, config.URL = shop, "http://127.0.0.1:9090/scrapes/shop-prices"
	config.Expect.SuccessWithin = domain.Duration(time.Hour)
	d.do(domain.ConfigureScraper{ToScraper: toShop, Source: domain.SourceAPI, Config: config})
}

// proven fails unless the guards are as the log has them.
func (d desk) proven() {
	d.Helper()
	if mismatches, err := d.store.ProveGuards(d.Context()); err != nil || len(mismatches) > 0 {
		d.Errorf("guards: %v, %v", mismatches, err)
	}
}

func TestOverdueIsRecordedOnceByHoweverManyInstances(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		first := newDesk(t, db.Open(t))
		first.configured()
		first.expects()
		instances := []desk{first}
		if first.store.Dialect() == eventstore.Postgres { // SQLite has one
			instances = append(instances, newDesk(t, db.Open(t)))
		}
		since := noon
		for round := range 5 {
			var events atomic.Int32
			var ticking sync.WaitGroup
			for i := range 16 {
				ticking.Go(func() {
					recorded, err := instances[i%len(instances)].Handle(t.Context(), domain.ReportOverdue{ToScraper: toShop, Since: since}, domain.Origin{})
					if err != nil {
						t.Error(err)
					}
					events.Add(int32(len(recorded)))
				})
			}
			ticking.Wait()
			if events.Load() != 1 {
				t.Errorf("round %d: %d events", round, events.Load())
			}
			run := first.startedRun()
			first.Now = func() time.Time { return since.Add(time.Minute) }
			first.do(domain.ReportCompleted{ToRun: domain.ToRun{RunID: run}, Items: 1, MinItems: 1})
			since = since.Add(time.Minute)
		}
		first.proven()
	})
}

func TestTheGuardOfAnExpectationIsProvenAndRepaired(t *testing.T) {
	each(t, func(d desk) {
		d.expects()
		d.proven()
		run := d.startedRun()
		d.do(domain.ReportCompleted{ToRun: domain.ToRun{RunID: run}, MinItems: 1}) // short
		d.proven()
		overdue := event[domain.ScraperOverdue](d, d.do(domain.ReportOverdue{ToScraper: toShop, Since: noon}))
		if overdue.Within != domain.Duration(time.Hour) || !overdue.LastSuccessAt.IsZero() {
			d.Errorf("%+v", overdue)
		}
		d.proven()
		for _, column := range []string{"success_within", "expected_since", "last_success", "overdue_since"} {
			err := d.store.InTx(d.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "UPDATE scraper_guard SET "+column+" = 7")
				return err
			})
			if err != nil {
				d.Fatal(err)
			}
			if mismatches, err := d.store.ProveGuards(d.Context()); err != nil || len(mismatches) != 1 {
				d.Errorf("%s was edited: %v, %v", column, mismatches, err)
			}
			if repair, err := d.store.RepairGuards(d.Context(), nil); err != nil || repair.Guards != 1 {
				d.Errorf("%s: repaired %+v, %v", column, repair, err)
			}
			d.proven()
		}
	})
}

func TestAnOverdueScraperIsOneLine(t *testing.T) {
	each(t, func(d desk) {
		d.expects()
		d.do(domain.ReportOverdue{ToScraper: toShop, Since: noon})
		if line := d.said.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, `level=WARN msg="scraper overdue" scraper=shop-prices within=1h position=3`) {
			d.Errorf("%s", line)
		}
	})
}
