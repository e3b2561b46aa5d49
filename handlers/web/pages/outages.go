package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"scrapelog/projections"
)

// Outage is a lost connection of a scraper, and what came of it.
type Outage struct {
	Run  projections.Run // the lost run
	Next projections.Run // the run that recovered it; zero: none has
}

// detected is how long after the last sign of life the loss was noticed; no time
// for losses before the first.
func (o Outage) detected() (time.Duration, bool) {
	return o.Run.EndedAt.Sub(o.Run.LastHeardAt), !o.Run.LastHeardAt.IsZero()
}

// down is how long the connection was lost.
func (o Outage) down() (time.Duration, bool) {
	return o.Run.RestoredAt.Sub(o.Run.EndedAt.Time), !o.Run.RestoredAt.IsZero()
}

// recovered is how long after the loss the new run started.
func (o Outage) recovered() (time.Duration, bool) {
	return o.Next.StartedAt.Sub(o.Run.EndedAt.Time), o.Next.ID != uuid.Nil
}

// spanText is a length of time that may not be known.
func spanText(d time.Duration, known bool) string {
	if !known {
		return "–"
	}
	return Took(d)
}

// distribution is how long something took, each time it happened.
type distribution struct {
	name    string
	means   string
	spans   []time.Duration // sorted
	buckets []int           // how many fall under each of the bounds
}

// bounds end the buckets of a distribution; the last one has no end.
var bounds = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
}

// boundText names a bucket.
func boundText(i int) string {
	if i == len(bounds) {
		return "longer"
	}
	return "under " + everyText(bounds[i].String())
}

// distributions are what people want to know of outages: how long each step took.
func distributions(outages []Outage) []distribution {
	list := []distribution{
		{name: "Noticed after", means: "from the last sign of life to the recorded loss"},
		{name: "Lost for", means: "from the loss until the connection was back"},
		{name: "Recovered after", means: "from the loss until the new run had started"},
	}
	for i, span := range []func(Outage) (time.Duration, bool){Outage.detected, Outage.down, Outage.recovered} {
		list[i].buckets = make([]int, len(bounds)+1)
		for _, o := range outages {
			if d, known := span(o); known {
				list[i].add(max(0, d))
			}
		}
		slices.Sort(list[i].spans)
	}
	return list
}

func (d *distribution) add(span time.Duration) {
	d.spans = append(d.spans, span)
	bucket, exact := slices.BinarySearchFunc(bounds, span, cmp.Compare[time.Duration])
	if exact {
		bucket++
	}
	d.buckets[bucket]++
}

// quantile is the smallest span that part of them do not exceed.
func (d distribution) quantile(part float64) string {
	if len(d.spans) == 0 {
		return "–"
	}
	rank := int(float64(len(d.spans))*part+0.999999) - 1
	return Took(d.spans[min(max(rank, 0), len(d.spans)-1)])
}

// The measures of a distribution's drawing.
const (
	barWide   = 14
	barsHigh  = 36
	chartWide = 8 * barWide
)

// bar is a bucket as it is drawn: its place and height, as SVG wants them.
type bar struct {
	x, y, height string
	title        string
}

func (d distribution) bars() []bar {
	most := max(1, slices.Max(d.buckets))
	var bars []bar
	for i, n := range d.buckets {
		height := (barsHigh*n + most - 1) / most
		bars = append(bars, bar{
			x: strconv.Itoa(i * barWide), y: strconv.Itoa(barsHigh - height), height: strconv.Itoa(height),
			title: fmt.Sprintf("%s: %d", boundText(i), n),
		})
	}
	return bars
}
