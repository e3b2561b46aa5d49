package schedule_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// expecting has no schedule: its runs are started by hand.
func expecting(within time.Duration) domain.ScraperConfigured {
	return configured(func(c *domain.ScraperConfig) {
		c.Schedule, c.Expect = "", domain.ExpectConfig{SuccessWithin: domain.Duration(within), MinItems: 1}
	})
}

// overdueAt fails unless the scraper was reported overdue at these instants and at no
// others.
func (l *log) overdueAt(t *testing.T, want ...time.Time) {
	t.Helper()
	synctest.Wait()
	reports := all[domain.ScraperOverdue](l)
	if len(reports) != len(want) {
		t.Fatalf("%d reports: %+v, want %d", len(reports), reports, len(want))
	}
	for i, at := range want {
		if !reports[i].At.Equal(at) {
			t.Errorf("report %d came at %s, want %s", i+1, reports[i].At, at)
		}
	}
}

// ran records that a run began and completed, with so many items missing.
func (l *log) ran(missing int64) {
	about := domain.AboutRun{RunID: uuid.New(), Scraper: shop, At: time.Now()}
	l.record(domain.RunStarted{AboutRun: about, Trigger: domain.TriggerManual}, domain.RunCompleted{AboutRun: about, MinItems: missing})
}

func TestAScraperIsReportedOverdueOnTimeAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.record(expecting(time.Hour))
		began := time.Now()
		l.tick(t, false)
		l.tick(t, false) // a second instance on the same log
		time.Sleep(59 * time.Minute)
		l.overdueAt(t)
		l.ran(1) // too few items
		time.Sleep(time.Minute)
		first := began.Add(time.Hour)
		l.overdueAt(t, first)
		time.Sleep(5 * time.Hour)
		l.overdueAt(t, first)
		l.ran(0)
		second := time.Now().Add(time.Hour)
		time.Sleep(time.Hour)
		l.overdueAt(t, first, second)
		if last := all[domain.ScraperOverdue](l)[1].LastSuccessAt; !last.Equal(second.Add(-time.Hour)) {
			t.Errorf("the last success was %s", last)
		}
	})
}

func TestAPausedScraperIsNotOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		about := domain.AboutScraper{Scraper: shop, At: time.Now()}
		l.record(expecting(time.Hour), domain.ScraperPaused{AboutScraper: about})
		l.tick(t, false)
		time.Sleep(5 * time.Hour)
		l.overdueAt(t)
		about.At = time.Now()
		l.record(domain.ScraperResumed{AboutScraper: about})
		time.Sleep(time.Hour)
		l.overdueAt(t, about.At.Add(time.Hour))
		l.ran(0)
		l.record(domain.ScraperRemoved{AboutScraper: about})
		time.Sleep(5 * time.Hour)
		l.overdueAt(t, about.At.Add(time.Hour))
	})
}

// A scraper that became overdue while no instance ran is reported at the start.
func TestAScraperThatBecameOverdueWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.record(expecting(time.Hour))
		time.Sleep(90 * time.Minute)
		began := time.Now()
		l.tick(t, false)
		l.overdueAt(t, began)
	})
}

// The count began by a clock that was ahead and has been set right since.
func TestACountThatBeganInTheFutureBeginsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		e := expecting(time.Hour)
		e.At = time.Now().Add(24 * time.Hour)
		l.record(e)
		began := time.Now()
		l.tick(t, false)
		time.Sleep(2 * time.Hour)
		l.overdueAt(t, began.Add(time.Hour))
	})
}

func TestAReportThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.record(expecting(time.Hour))
		due := time.Now().Add(time.Hour)
		l.fail = errors.New("database is down")
		l.tick(t, false)
		time.Sleep(2 * time.Hour)
		l.overdueAt(t, due.Add(time.Second))
	})
}
