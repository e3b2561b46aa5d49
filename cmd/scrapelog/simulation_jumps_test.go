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

// jump is the clock's being set.
type jump struct {
	at     time.Time // by the clock that nobody sets
	to     time.Time // what it shows from then on
	before time.Time // what it showed
}

// TestSimulatedSlotsUnderAClockThatIsSet: each slot comes when the clock first shows it,
// or the last of those that it leaps over, and none comes twice.
func TestSimulatedSlotsUnderAClockThatIsSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const seed = 11
		clock := &wallClock{}
		s := &simulation{t: t, seed: seed, url: "sqlite:" + filepath.Join(t.TempDir(), "log.db"), wall: clock.now, when: map[int64]time.Time{}}
		s.steadyWorld()
		l := s.begin()
		began := time.Now()
		jumps := []jump{{began, began, began}}
		rnd := rand.New(rand.NewPCG(seed, 0))
		for range 30 {
			time.Sleep(upTo(rnd, time.Minute) + 15*time.Second + 337*time.Microsecond)
			j := jump{at: time.Now(), before: clock.now()}
			clock.ahead.Add(rnd.Int64N(2*3*3600) - 3*3600 + 1200)
			j.to = clock.now()
			jumps = append(jumps, j)
		}
		time.Sleep(20 * time.Second)
		jumps = append(jumps, jump{time.Now(), clock.now(), clock.now()})
		s.log = l.settled()
		l.end(errSimulatedDeath)
		s.holdShape()
		for name, every := range map[string]time.Duration{"every": time.Minute, "cron": 5 * time.Minute} {
			s.holdClaims(name, began, every, jumps)
		}
	})
}

// steadyWorld has scrapers that take some seconds and lose nothing.
func (s *simulation) steadyWorld() {
	s.seen = check.Seen{Cancels: map[uuid.UUID]bool{}, Scrapers: map[string]check.Scraper{}, Final: true}
	s.world = map[string]*simulatedScraper{}
	for name, spec := range map[string]string{"every": "@every 1m", "cron": "*/5 * * * *"} {
		c := domain.DefaultScraperConfig()
		c.Name, c.URL, c.Schedule = name, "http://scraper.invalid/"+name, spec
		if name == "cron" {
			c.CatchUp = domain.CatchUpNone
		}
		s.world[name] = &simulatedScraper{seed: s.seed, config: c, quiet: time.Now().Add(-time.Second)}
	}
}

// TestSimulatedStartWithAClockAhead: what is yet to come was not missed while
// scrapelog was down.
func TestSimulatedStartWithAClockAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := &wallClock{}
		s := &simulation{t: t, seed: 11, url: "sqlite:" + filepath.Join(t.TempDir(), "log.db"), wall: clock.now, when: map[int64]time.Time{}}
		s.steadyWorld()
		l := s.begin()
		time.Sleep(time.Minute)
		l.end(errSimulatedStop)
		clock.ahead.Store(7200)
		l = s.begin()
		time.Sleep(10 * time.Second)
		clock.ahead.Store(0)
		back := time.Now()
		time.Sleep(20*time.Minute + 10*time.Second)
		s.log = l.settled()
		l.end(errSimulatedDeath)
		slots := 0
		for _, r := range s.log {
			if e, err := r.Event(); err == nil && e.ScraperName() == "cron" && dueOf(e).After(back) {
				slots++
			}
		}
		if slots != 4 {
			t.Errorf("%d slots of */5 came in the twenty minutes after the clock was set right", slots)
		}
	})
}

// holdClaims walks along what the clock showed.
func (s *simulation) holdClaims(name string, began time.Time, every time.Duration, jumps []jump) {
	claims := map[int64]time.Time{}
	var last time.Time
	for _, r := range s.log {
		e, err := r.Event()
		s.must(err)
		due := dueOf(e)
		if e.ScraperName() != name || due.IsZero() {
			continue
		}
		if !due.After(last) {
			s.t.Errorf("%s: slot %s after %s (position %d)", name, due, last, r.Position)
		}
		last, claims[due.Unix()] = due, s.when[r.Position]
	}
	expected, shown := 0, began
	claim := func(slot, shownAt time.Time) {
		expected++
		switch at, is := claims[slot.Unix()]; {
		case !is:
			s.t.Errorf("%s: slot %s was shown at %s and left no trace", name, slot, shownAt)
		case at.Before(shownAt), at.Sub(shownAt) > 1100*time.Millisecond:
			s.t.Errorf("%s: slot %s was shown at %s and came %s later", name, slot, shownAt, at.Sub(shownAt))
		}
	}
	for i, j := range jumps[1:] {
		from := jumps[i]
		for slot := shown.Truncate(every).Add(every); !slot.Round(0).After(j.before.Round(0)); slot = slot.Add(every) {
			claim(slot, from.at.Add(slot.Round(0).Sub(from.to.Round(0))))
		}
		if j.before.Round(0).After(shown.Round(0)) {
			shown = j.before
		}
		slot := j.to.Truncate(every) // leapt over, the last of them, unless the next is upon us before that is noticed
		if slot.After(shown.Round(0)) && slot.Add(every).Sub(j.to.Round(0)) > schedule.Poll {
			claim(slot, j.at)
		}
		if j.to.Round(0).After(shown.Round(0)) {
			shown = j.to
		}
	}
	if len(claims) != expected {
		s.t.Errorf("%s: %d slots were claimed, want %d", name, len(claims), expected)
	}
	s.t.Logf("%s: %d slots, the clock set %d times", name, expected, len(jumps)-2)
}
