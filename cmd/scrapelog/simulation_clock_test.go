//go:build !race

package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
)

// wallClock is a clock that people and NTP set, while that of the timers goes on.
type wallClock struct{ ahead atomic.Int64 } // seconds

// now shows both clocks, as time.Now does outside of a bubble: inside it leaves
// out the one that nobody sets, by which Sub, Before and After go. So the time is
// put together by hand.
func (c *wallClock) now() time.Time {
	const hasMonotonic, secondsFrom1885 = 1 << 63, 2682288000
	bubble := time.Now()
	shown := bubble.Add(time.Duration(c.ahead.Load()) * time.Second)
	both := struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}{hasMonotonic | uint64(shown.Unix()+secondsFrom1885)<<30 | uint64(shown.Nanosecond()), bubble.UnixNano(), nil}
	return *(*time.Time)(unsafe.Pointer(&both))
}

func TestSimulatedWallClockIsTwoClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &wallClock{}
		began := clock.now()
		time.Sleep(time.Minute)
		clock.ahead.Store(-3600)
		now := clock.now()
		if took := now.Sub(began); took != time.Minute || !now.After(began) {
			t.Errorf("a minute took %s", took)
		}
		if shown := now.Round(0).Sub(began.Round(0)); shown != -59*time.Minute || began.Unix() != time.Now().Add(-time.Minute).Unix() {
			t.Errorf("an hour less a minute earlier is %s later, from %s", shown, began)
		}
	})
}

const flaps = 100

// TestSimulatedFlapsUnderAClockThatIsSet has a scraper go away and come back a
// hundred times while the clock is set forward and back by up to hours: as by
// NTP, or where a machine was suspended.
func TestSimulatedFlapsUnderAClockThatIsSet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const seed = 7
		clock := &wallClock{}
		s := &simulation{t: t, seed: seed, url: "sqlite:" + filepath.Join(t.TempDir(), "log.db"), wall: clock.now, when: map[int64]time.Time{}}
		s.seen = check.Seen{Cancels: map[uuid.UUID]bool{}, Scrapers: map[string]check.Scraper{}, Final: true}
		rnd := rand.New(rand.NewPCG(seed, 0))
		flapping := newFlapping(rnd)
		s.world = map[string]*simulatedScraper{flapping.config.Name: flapping}
		l := s.begin()
		began, jumps := time.Now(), 0
		for time.Now().Before(flapping.quiet) {
			l.startUnlessLost(flapping.config.Name)
			time.Sleep(upTo(rnd, 10*time.Second))
			if jump := rnd.Int64N(2 * 3 * 3600); rnd.IntN(2) == 0 {
				clock.ahead.Add(jump - 3*3600)
				jumps++
			}
		}
		time.Sleep(time.Minute)
		s.log = l.settled()
		l.end(errSimulatedDeath)
		t.Logf("%d flaps in %s, the clock was set %d times and is %s ahead", flaps, time.Since(began), jumps, time.Duration(clock.ahead.Load())*time.Second)
		s.holdShape()
		s.holdTimes(flapping)
	})
}

// newFlapping is down for up to 7 s, a hundred times.
func newFlapping(rnd *rand.Rand) *simulatedScraper {
	c := domain.DefaultScraperConfig()
	c.Name, c.URL = "flapping", "http://scraper.invalid/flapping"
	w := &simulatedScraper{seed: 7, config: c}
	at := time.Now()
	for range flaps {
		from := at.Add(upTo(rnd, 10*time.Second) + 12*time.Second) // past a hold-down
		at = from.Add(upTo(rnd, 6*time.Second) + time.Second)
		how := []check.Ending{check.StillOpen, check.StillOpen, check.Gateway, check.Truncated}[rnd.IntN(4)]
		w.downs = append(w.downs, simulatedDown{check.Span{From: from, To: at}, how})
	}
	w.quiet = at
	return w
}

// startUnlessLost starts a run by hand where none is open, and leaves it to
// recovery where one was lost: its loss would be superseded.
func (l *simulatedLife) startUnlessLost(name string) {
	guard, err := l.store.Guard(context.Background(), name)
	l.must(err)
	if guard.LostRun == uuid.Nil {
		l.people(domain.StartScrape{ToScraper: domain.ToScraper{Scraper: name}, Trigger: domain.TriggerManual})
	}
}

// ofTime are the rules that compare what was seen with times of the log.
var ofTime = []string{
	"no run is open without a live instance", "a live instance's run is not ended for it", "no loss is false",
	"what the scraper said is in the log in time", "a POSTed run is in the log",
}

func (s *simulation) holdShape() {
	violations, err := check.Check(s.log, s.seen)
	s.must(err)
	for _, v := range violations {
		if !slices.Contains(ofTime, v.Rule) {
			s.t.Errorf("seed %d: %s", s.seed, v)
		}
	}
}

// holdTimes: recorded_at never goes back, nothing takes less than no time, and
// every loss is restored at the next probe and recovered in the same instant,
// whatever the clock shows.
func (s *simulation) holdTimes(w *simulatedScraper) {
	var last time.Time
	losses, recoveries, recovery := 0, 0, map[uuid.UUID]bool{}
	var lostAt, restoredAt time.Time
	heldDown := false
	for _, r := range s.log {
		if r.RecordedAt.Before(last) {
			s.t.Errorf("position %d was recorded at %s, after %s", r.Position, r.RecordedAt, last)
		}
		last = r.RecordedAt
		e, err := r.Event()
		s.must(err)
		at := s.when[r.Position]
		switch e := e.(type) {
		case domain.RunStarted:
			if e.Recovers != uuid.Nil {
				recoveries++
				recovery[e.RunID] = true
				if at.Sub(restoredAt) > 100*time.Millisecond {
					s.t.Errorf("position %d: recovered %s after the return", r.Position, at.Sub(restoredAt))
				}
			}
		case domain.ConnectionLost:
			losses++
			lostAt, heldDown = at, recovery[e.RunID]
		case domain.ConnectionRestored:
			restoredAt = at
			s.holdReturn(w, lostAt, at, heldDown)
			if e.DownForMS < 0 {
				s.t.Errorf("position %d: down for %d ms", r.Position, e.DownForMS)
			}
		case domain.RunCompleted:
			if e.DurationMS < 0 {
				s.t.Errorf("position %d: took %d ms", r.Position, e.DurationMS)
			}
		}
	}
	if losses < flaps || recoveries != losses {
		s.t.Errorf("%d losses and %d recoveries", losses, recoveries)
	}
	s.t.Logf("%d losses, %d recovery runs", losses, recoveries)
}

// holdReturn: a return is seen by the next probe, or after a hold-down of them.
func (s *simulation) holdReturn(w *simulatedScraper, lostAt, restoredAt time.Time, mayBeHeldDown bool) {
	back := lostAt
	if d, down := w.downAt(lostAt); down && d.how != check.Truncated {
		back = d.To
	}
	patience := w.config.Probe.Interval.Std()
	if mayBeHeldDown { // and in a hold-down it may go away again
		patience += 20*time.Second + w.config.Recovery.HoldDown.Std()*2
	}
	if late := restoredAt.Sub(back); late > patience {
		s.t.Errorf("back at %s and restored %s later", back, late)
	}
}
