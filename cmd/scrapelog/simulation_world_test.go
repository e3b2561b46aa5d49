//go:build !race

package main

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/domain"
)

// simulatedScraper answers by the time alone.
type simulatedScraper struct {
	seed   uint64
	config domain.ScraperConfig
	slots  []time.Time // by a reckoning of its own
	downs  []simulatedDown
	quiet  time.Time // from then on all goes well
}

// simulatedDown is a stretch in which nothing works.
type simulatedDown struct {
	check.Span
	how check.Ending // StillOpen: nobody listens; Gateway: 503; Truncated: probes are fine, streams are cut
}

type simulatedEnd struct {
	ending check.Ending
	after  time.Duration
	report domain.Command
}

const (
	simulatedItems  = 7
	simulatedReason = "empty"
)

// to is the report about a run.
func (e simulatedEnd) to(run uuid.UUID) domain.Command {
	about := domain.ToRun{RunID: run}
	switch c := e.report.(type) {
	case domain.ReportCompleted:
		c.ToRun = about
		return c
	case domain.ReportFailed:
		c.ToRun = about
		return c
	case domain.ReportConnectionLost:
		c.ToRun = about
		return c
	}
	return e.report
}

// newSimulatedWorld makes scrapers with the schedules that are easy to get wrong
// on such a night. Their first configuration comes at the beginning.
func newSimulatedWorld(seed uint64, began, quiet time.Time) map[string]*simulatedScraper {
	nightly := time.Date(2000, 3, 26, 1, 30, 0, 0, time.UTC) // 02:30 does not exist, so it is 03:30
	if began.Equal(autumnNight) {
		nightly = time.Date(2000, 10, 29, 0, 30, 0, 0, time.UTC) // 02:30 comes twice, and the first counts
	}
	end := began.Add(24 * time.Hour)
	quarters := slotsEvery(began, 15*time.Minute, end)
	world := map[string]*simulatedScraper{
		"quarters": {slots: quarters, config: domain.ScraperConfig{Schedule: "*/15 * * * *"}},
		"lenient":  {slots: quarters, config: domain.ScraperConfig{Schedule: "*/15 * * * *", Jitter: domain.Duration(90 * time.Second), CatchUp: domain.CatchUpNone}},
		"every":    {slots: slotsEvery(began, 7*time.Minute, end), config: domain.ScraperConfig{Schedule: "@every 7m"}},
		"nightly":  {slots: []time.Time{nightly}, config: domain.ScraperConfig{Schedule: "30 2 * * *"}},
		"by-hand":  {},
	}
	for name, w := range world {
		c := domain.DefaultScraperConfig()
		c.Name, c.URL, c.TimeZone, c.Schedule, c.Jitter = name, "http://scraper.invalid/"+name, "Europe/Berlin", w.config.Schedule, w.config.Jitter
		if w.config.CatchUp != "" {
			c.CatchUp = w.config.CatchUp
		}
		w.seed, w.config, w.quiet = seed, c, quiet
		w.downs = newSimulatedDowns(rand.New(rand.NewPCG(seed, simulatedHash(name))), began, quiet)
	}
	return world
}

func slotsEvery(began time.Time, interval time.Duration, end time.Time) (slots []time.Time) {
	for slot := began.Add(interval); slot.Before(end); slot = slot.Add(interval) {
		slots = append(slots, slot)
	}
	return slots
}

// newSimulatedDowns alternates rows of short downs with long ones. A third of
// them ends at the very instant of a tick; none begins at a whole second.
func newSimulatedDowns(rnd *rand.Rand, began, quiet time.Time) (downs []simulatedDown) {
	for at := began; ; {
		up, down := 50*time.Minute, 30*time.Minute
		if rnd.IntN(2) == 0 {
			up, down = time.Minute, 15*time.Second
		}
		from := at.Add(upTo(rnd, up)).Truncate(time.Second).Add(1234567 * time.Microsecond)
		to := from.Add(upTo(rnd, down) + time.Second)
		if rnd.IntN(3) == 0 {
			to = from.Truncate(5 * time.Minute).Add(5 * time.Minute)
		}
		if to.After(quiet) {
			return downs
		}
		how := []check.Ending{check.StillOpen, check.StillOpen, check.Gateway, check.Truncated}[rnd.IntN(4)]
		downs, at = append(downs, simulatedDown{check.Span{From: from, To: to}, how}), to
	}
}

func (w *simulatedScraper) spans() (spans []check.Span) {
	for _, d := range w.downs {
		if d.how == check.StillOpen {
			spans = append(spans, d.Span)
		}
	}
	return spans
}

// downAt is the down at a time, or else the next one.
func (w *simulatedScraper) downAt(at time.Time) (d simulatedDown, now bool) {
	i, _ := slices.BinarySearchFunc(w.downs, at, func(d simulatedDown, at time.Time) int {
		if d.To.After(at) {
			return 1
		}
		return -1
	})
	if i == len(w.downs) {
		return d, false
	}
	return w.downs[i], !w.downs[i].From.After(at)
}

var errSimulatedDown = errors.New("down")

func (w *simulatedScraper) probe(at time.Time) (back, answered bool, err error) {
	d, now := w.downAt(at)
	if !now || d.how == check.Truncated {
		return true, true, nil
	}
	return false, d.how == check.Gateway, errSimulatedDown
}

// fate is how a run that is asked for at a time ends.
func (w *simulatedScraper) fate(at time.Time) simulatedEnd {
	d, down := w.downAt(at)
	if down {
		return d.end()
	}
	rnd := rand.New(rand.NewPCG(w.seed, simulatedHash(w.config.Name, at.UnixNano())))
	most := 20 * time.Minute
	if at.After(w.quiet) {
		most = 10 * time.Second
	}
	end := simulatedEnd{after: time.Second + upTo(rnd, most)}
	switch n := rnd.IntN(10); {
	case n == 0:
		end.ending, end.report = check.Failed, domain.ReportFailed{Code: domain.CodeScraperError, Detail: simulatedReason}
	case n < 3 && at.Before(w.quiet):
		end.ending, end.report = check.Clean, lostWhile(domain.PhaseStreaming, domain.CauseEOF)
	default:
		end.ending, end.report = check.Completed, domain.ReportCompleted{Items: simulatedItems}
	}
	if cut := d.From.Sub(at); !d.From.IsZero() && cut < end.after {
		end = simulatedEnd{check.Reset, cut, lostWhile(domain.PhaseStreaming, domain.CauseReset)}
	}
	return end
}

func (d simulatedDown) end() simulatedEnd {
	switch d.how {
	case check.Gateway:
		return simulatedEnd{d.how, 0, lostWhile(domain.PhaseConnecting, domain.CauseGateway)}
	case check.Truncated:
		return simulatedEnd{d.how, 2 * time.Second, lostWhile(domain.PhaseStreaming, domain.CauseTruncated)}
	}
	return simulatedEnd{check.StillOpen, 0, lostWhile(domain.PhaseConnecting, domain.CauseRefused)}
}

func lostWhile(phase domain.Phase, cause domain.Cause) domain.ReportConnectionLost {
	return domain.ReportConnectionLost{Link: domain.LinkScraper, Phase: phase, Cause: cause}
}
