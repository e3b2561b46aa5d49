package rivals

import (
	"cmp"
	"context"
	"flag"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var (
	rounds = flag.Int("rounds", 5, "rounds of a benchmark that lets contenders take turns; medians are reported")
	turn   = flag.Duration("turn", 700*time.Millisecond, "length of one turn of a contender that writes")
)

// Ours is the contender whose rate is compared with the rates of the others.
const Ours = "scrapelog"

// Contender writes events. Each of its writers is one goroutine.
type Contender struct {
	Name   string
	Events int // that one call of Write writes; 0 means 1
	Write  func(ctx context.Context, writer int) error
}

// Contest lets the contenders write in turns and reports the median rate of
// each, and the ratio of ours to theirs. Each round has another order.
func Contest(b *testing.B, writers int, all ...Contender) {
	b.Helper()
	var turns []Turn
	for _, c := range all {
		turns = append(turns, Turn{c.Name, func() float64 { return c.rate(b, writers) }})
	}
	InTurns(b, turns...)
}

// Turn measures a contender once and returns its rate in events per second.
type Turn struct {
	Name string
	Rate func() float64
}

// InTurns measures the contenders in turns and reports the median rate of each
// as NAME/s, and the ratio of the first to each other one as x-NAME.
func InTurns(b *testing.B, turns ...Turn) {
	b.Helper()
	rates := Rates(turns...)
	Report(b, rates, turns[0].Name, turns[1:]...)
}

// Rates measures the contenders in turns and returns the median rate of each.
func Rates(turns ...Turn) map[string]float64 {
	measured := map[string][]float64{}
	for round := range *rounds {
		for i := range turns {
			t := turns[(i+round)%len(turns)]
			measured[t.Name] = append(measured[t.Name], t.Rate())
		}
	}
	rates := map[string]float64{}
	for name, all := range measured {
		rates[name] = Median(all)
	}
	return rates
}

// Report reports the rate of one contender as NAME/s, and of each of the others its rate
// and, as x-NAME, the ratio to it.
func Report(b *testing.B, rates map[string]float64, one string, others ...Turn) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rates[one], one+"/s")
	for _, t := range others {
		b.ReportMetric(rates[t.Name], t.Name+"/s")
		b.ReportMetric(rates[one]/rates[t.Name], "x-"+t.Name)
	}
}

// rate lets c write for the length of a turn, after a short while that does not
// count.
func (c Contender) rate(b *testing.B, writers int) float64 {
	b.Helper()
	var (
		group   sync.WaitGroup
		written atomic.Int64
		over    atomic.Bool
		failure atomic.Value
	)
	for writer := range writers {
		group.Go(func() {
			for !over.Load() {
				if err := c.Write(b.Context(), writer); err != nil {
					failure.Store(err)
					return
				}
				written.Add(int64(max(c.Events, 1)))
			}
		})
	}
	time.Sleep(*turn / 10)
	begun, before := time.Now(), written.Load()
	time.Sleep(*turn)
	for written.Load() == before && failure.Load() == nil { // a batch may take longer than a turn
		time.Sleep(time.Millisecond)
	}
	rate := float64(written.Load()-before) / time.Since(begun).Seconds()
	over.Store(true)
	group.Wait()
	if err, failed := failure.Load().(error); failed {
		b.Fatalf("%s, %d writers: %v", c.Name, writers, err)
	}
	return rate
}

// Median returns the middle one of the values, which it sorts.
func Median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// Rounds calls f once a round.
func Rounds(f func()) {
	for range *rounds {
		f()
	}
}

// CPU returns the processor time that this process has used.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
