package pages

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

// LanesAround returns the drawing of an outage: from a part of its length before it to as
// long after it, or to now.
func LanesAround(o projections.Outage, now time.Time) Lanes {
	end := now
	if !o.Open() {
		end = o.EndedAt.Time
	}
	pad := max(end.Sub(o.StartedAt.Time)/3, 30*time.Second)
	from, until := o.StartedAt.Add(-pad), end.Add(pad)
	if until.After(now) {
		until = now
	}
	span := max(until.Sub(from), time.Second)
	r := Range{Span: span, tick: tickFor(span), label: "15:04:05"}
	switch {
	case r.tick >= 24*time.Hour:
		r.label = "Mon 2"
	case r.tick >= time.Minute:
		r.label = "15:04"
	}
	return Lanes{Range: r, Until: until, Still: true}
}

// LaneThen returns the lane of a scraper around an outage. runs are the newest first. Of
// an open outage the newest of them may still be lost.
func LaneThen(name string, runs []projections.Run, open bool) Lane {
	lane := Lane{Scraper: projections.Scraper{Name: name}, Runs: runs}
	if len(runs) > 0 && open && runs[0].Status == domain.StatusConnectionFailed && runs[0].RestoredAt.IsZero() {
		lane.Connection = projections.Connection{State: projections.ConnectionLost, Since: runs[0].EndedAt, Link: runs[0].Link}
	}
	return lane
}

// probesDrawn is how many probes are drawn one by one.
const probesDrawn = 120

// probes are the instants at which a probe was due, from the loss to the return: how far
// to the right each is, and how many probes a dot stands for.
func (p OutagePage) probes() (dots []string, each int) {
	end := p.Lanes.Until
	if !p.Open() {
		end = p.EndedAt.Time
	}
	away := end.Sub(p.StartedAt.Time)
	if p.Probes <= 0 || away <= 0 {
		return nil, 0
	}
	each = 1 + int(away/p.Probes)/probesDrawn
	for at := p.StartedAt.Add(p.Probes); !at.After(end); at = at.Add(p.Probes * time.Duration(each)) {
		dots = append(dots, p.Lanes.percent(p.Lanes.at(at)))
	}
	return dots, each
}

// probesText explains the dots.
func (p OutagePage) probesText(each int) string {
	text := "Probed every " + Took(p.Probes) + " until it answered"
	if p.Open() {
		text = "Probed every " + Took(p.Probes)
	}
	if each > 1 {
		text += fmt.Sprintf("; a dot stands for %s", plural(int64(each), "probe"))
	}
	return text
}

// sentence tells an outage in two sentences.
func (p OutagePage) sentence(now time.Time) string {
	lasted := "Lost for " + outageLasted(p.Outage, now)
	if p.Open() {
		lasted = "Lost " + strings.TrimPrefix(outageLasted(p.Outage, now), "open ") + " so far"
	}
	return fmt.Sprintf("%s: %s. %s lost at %s, %s recovered.", lasted, causeText(p.Cause),
		plural(p.RunsLost, "run"), plural(int64(len(p.Scrapers)), "scraper"), number(p.RunsRecovered))
}

// noticed says who saw the returns, the most frequent first.
func (p OutagePage) noticed() string {
	counts := map[domain.NoticedBy]int64{}
	for _, r := range p.Runs {
		if !r.RestoredAt.IsZero() {
			counts[r.NoticedBy]++
		}
	}
	var by []domain.NoticedBy
	for b := range counts {
		by = append(by, b)
	}
	slices.SortFunc(by, func(a, b domain.NoticedBy) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(string(a), string(b))
	})
	var parts []string
	for _, b := range by {
		parts = append(parts, noticedText(b)+" ("+plural(counts[b], "run")+")")
	}
	if len(parts) == 0 {
		return "no return was seen"
	}
	return strings.Join(parts, ", ")
}

// laneThenSentence describes a lane of an outage to those who do not see it.
func laneThenSentence(l Lanes, lane Lane) string {
	n := l.tally(lane)
	return fmt.Sprintf("%s, %s to %s: %s, away for %s", clean(lane.Name), Instant(l.from()), Instant(l.Until), n.text(), n.awayText())
}
