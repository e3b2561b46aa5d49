//go:build !race

package main

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
	"scrapelog/handlers/schedule"
)

// TestSimulatedOverdueUnderAClockThatIsSet: a scraper is overdue when its time is up by
// the monotonic clock, once for each count, and at no other time.
func TestSimulatedOverdueUnderAClockThatIsSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const seed = 13
		clock := &wallClock{}
		s := &simulation{t: t, seed: seed, url: "sqlite:" + filepath.Join(t.TempDir(), "log.db"), wall: clock.now, when: map[int64]time.Time{}}
		s.expectingWorld()
		l := s.begin()
		rnd := rand.New(rand.NewPCG(seed, 0))
		for range 100 {
			time.Sleep(upTo(rnd, 90*time.Second))
			if rnd.IntN(2) == 0 {
				clock.ahead.Add(rnd.Int64N(2*3*3600) - 3*3600)
			}
			l.people(domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "by-hand"}, Trigger: domain.TriggerManual})
			switch never := (domain.ToScraper{Scraper: "never"}); rnd.IntN(8) {
			case 0:
				l.people(domain.PauseScraper{ToScraper: never, By: "user:a"})
			case 1, 2:
				l.people(domain.ResumeScraper{ToScraper: never, By: "user:a"})
			}
		}
		time.Sleep(20 * time.Second)
		s.log = l.settled()
		l.end(errSimulatedDeath)
		s.holdShape()
		for name := range s.world {
			s.holdOverdue(name)
		}
	})
}

// expectingWorld has scrapers without a schedule, of which one in ten runs fails, and
// which are expected to succeed.
func (s *simulation) expectingWorld() {
	s.seen = check.Seen{Cancels: map[uuid.UUID]bool{}, Scrapers: map[string]check.Scraper{}, Final: true}
	s.world = map[string]*simulatedScraper{}
	for name, within := range map[string]time.Duration{"never": 4 * time.Minute, "by-hand": 80 * time.Second} {
		c := domain.DefaultScraperConfig()
		c.Name, c.URL, c.Expect.SuccessWithin = name, "http://scraper.invalid/"+name, domain.Duration(within)
		s.world[name] = &simulatedScraper{seed: s.seed, config: c, quiet: time.Now().Add(-time.Second)}
	}
}

// holdOverdue counts by the monotonic clock.
func (s *simulation) holdOverdue(name string) {
	within := s.world[name].config.Expect.SuccessWithin.Std()
	var due time.Time // zero: nothing is waited for, or it was reported
	counts, reports := 0, 0
	count := func(from time.Time) {
		due, counts = from.Add(within), counts+1
	}
	for _, r := range s.log {
		e, err := r.Event()
		s.must(err)
		if e.ScraperName() != name {
			continue
		}
		at := s.when[r.Position]
		if late := at.Sub(due); !due.IsZero() && late > schedule.Poll {
			s.t.Errorf("%s: was due at %s and not reported by position %d, %s later", name, due, r.Position, late)
		}
		switch e.(type) {
		case domain.ScraperConfigured, domain.RunCompleted, domain.ScraperResumed:
			count(at)
		case domain.ScraperPaused:
			due = time.Time{}
		case domain.ScraperOverdue:
			if reports++; due.IsZero() || at.Before(due) {
				s.t.Errorf("%s: reported at %s (position %d), was due at %s", name, at, r.Position, due)
			}
			due = time.Time{}
		case domain.RunStarted, domain.RunFailed, domain.RunCancelled, domain.ConnectionLost, domain.ConnectionRestored,
			domain.ScrapeSkipped, domain.ScraperRemoved, domain.LogAccepted, domain.LogVerified, domain.LogRead:
		}
	}
	if reports < 3 || reports == counts {
		s.t.Errorf("%s: %d reports of %d counts", name, reports, counts)
	}
	s.t.Logf("%s: reported %d times in %d counts", name, reports, counts)
}
