package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/eventstore"
)

// soak lets one serve live under every fault but its death, and then looks
// whether it has come back to what it was: the same before and after, each time
// at rest, the first time after a while of the same.
type soak struct {
	*crash
	process *process
	before  footprint
	after   footprint
}

// warmUp is how much of the time goes by before the first measurement: pools and
// caches fill once.
func warmUp(whole time.Duration) time.Duration { return max(whole/10, 3*time.Second) }

// soaked runs the whole test.
func soaked(ctx context.Context, o options) (result, *soak, error) {
	c, err := newCrash(o)
	if err != nil {
		return result{}, nil, err
	}
	defer c.closeScrapers()
	if err := c.prepare(); err != nil {
		return result{}, nil, err
	}
	began := time.Now()
	s := &soak{crash: c}
	if err := s.run(ctx); err != nil {
		return result{}, s, err
	}
	r, err := c.judge(ctx)
	r.lasted = time.Since(began)
	r.violations = append(r.violations, s.compare()...)
	if err == nil && len(r.violations) == 0 {
		return r, s, os.RemoveAll(c.dir)
	}
	r.dir = c.dir
	return r, s, err
}

func (s *soak) run(ctx context.Context) (err error) {
	if s.process, err = s.launch(0, s.config); err != nil {
		return err
	}
	defer s.process.stop()
	select {
	case <-s.process.ready:
	case <-time.After(patience):
		return fmt.Errorf("serve does not get ready:\n%s", s.process.out)
	}
	warm := warmUp(s.limit)
	for _, part := range []struct {
		lasts time.Duration
		then  *footprint
	}{{warm, &s.before}, {s.limit - warm, &s.after}} {
		if err := s.under(ctx, part.lasts); err != nil {
			return err
		}
		if err := s.rest(ctx); err != nil {
			return err
		}
		if *part.then, err = s.measure(); err != nil {
			return err
		}
	}
	return nil
}

// under lets everything happen for a time.
func (s *soak) under(ctx context.Context, lasts time.Duration) error {
	s.calm.Store(false)
	if err := s.configure(true); err != nil {
		return err
	}
	ctx, end := context.WithTimeout(ctx, lasts)
	defer end()
	beside := s.beside(ctx)
	beside.Go(func() error { s.freeze(ctx); return nil })
	return beside.Wait()
}

// freeze stops the process now and then, for longer than a stream may be silent.
func (s *soak) freeze(ctx context.Context) {
	rng := s.random(200)
	for eventstore.Pause(ctx, 2*time.Second+time.Duration(rng.IntN(4000))*time.Millisecond) {
		from := time.Now()
		_ = s.process.cmd.Process.Signal(syscall.SIGSTOP)
		eventstore.Pause(ctx, idleTimeout+time.Duration(rng.IntN(1000))*time.Millisecond)
		_ = s.process.cmd.Process.Signal(syscall.SIGCONT)
		s.record.stalled(from, time.Now())
	}
}

// rest lets everything come to rest, with no schedule to disturb it.
func (s *soak) rest(ctx context.Context) error {
	s.calm.Store(true)
	if err := s.configure(false); err != nil {
		return err
	}
	return s.awaitRest(ctx, s.process.base)
}

// configure rewrites the configuration and makes serve read it.
func (s *soak) configure(schedules bool) error {
	if err := os.WriteFile(s.config, []byte(s.yaml(schedules)), 0o600); err != nil {
		return err
	}
	return s.process.cmd.Process.Signal(syscall.SIGHUP)
}

// footprint is what a process holds.
type footprint struct{ descriptors, goroutines, heap int }

func (f footprint) String() string {
	return fmt.Sprintf("%d descriptors, %d goroutines, %.1f MiB of heap", f.descriptors, f.goroutines, float64(f.heap)/(1<<20))
}

// measure asks often enough for the collector to run while all is at rest, and
// takes the least of what it sees: what is held goes away no more.
func (s *soak) measure() (least footprint, err error) {
	client.CloseIdleConnections()
	for range 40 {
		for range 10 {
			if _, err := fetch(s.process.base + "/runs"); err != nil {
				return least, err
			}
		}
		now, err := s.footprint()
		if err != nil {
			return least, err
		}
		if least == (footprint{}) {
			least = now
		}
		least = footprint{min(least.descriptors, now.descriptors), min(least.goroutines, now.goroutines), min(least.heap, now.heap)}
		time.Sleep(50 * time.Millisecond)
	}
	return least, nil
}

// footprint reads /metrics. The heap is what the last collection left: the next
// one comes when it has doubled.
func (s *soak) footprint() (f footprint, err error) {
	text, err := fetch(s.process.base + "/metrics")
	if err != nil {
		return f, err
	}
	figures := map[string]int{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if figure, err := strconv.ParseFloat(value, 64); err == nil {
			figures[name] = int(figure)
		}
	}
	f = footprint{figures["process_open_fds"], figures["go_goroutines"], figures["go_memstats_next_gc_bytes"] / 2}
	if f.descriptors == 0 || f.goroutines == 0 || f.heap == 0 {
		return f, errors.New("/metrics lacks descriptors, goroutines or heap")
	}
	return f, nil
}

func fetch(url string) (string, error) {
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, res.Status)
	}
	return string(text), err
}

// What is held after the soak may exceed what was held before it by what comes
// and goes at any time: connections of pools, and rows of the log that are kept.
const (
	spareDescriptors = 8
	spareGoroutines  = 16
	spareHeap        = 8 << 20
)

func (s *soak) compare() []check.Violation {
	most := footprint{s.before.descriptors + spareDescriptors, s.before.goroutines + spareGoroutines, s.before.heap + spareHeap}
	if s.after.descriptors <= most.descriptors && s.after.goroutines <= most.goroutines && s.after.heap <= most.heap {
		return nil
	}
	return []check.Violation{{Rule: "what was taken is given back", Detail: fmt.Sprintf("%s before and %s after", s.before, s.after)}}
}

// soakBoth soaks both databases side by side, and tells.
func soakBoth(ctx context.Context, o options, w io.Writer) error {
	group, ctx := errgroup.WithContext(ctx)
	reports := make([]strings.Builder, 2)
	for i, db := range []string{"sqlite", "postgres"} {
		group.Go(func() error {
			o := o
			end, err := o.complete(ctx, db, db == "postgres")
			defer end()
			if err != nil {
				return err
			}
			r, s, err := soaked(ctx, o)
			if err != nil {
				return fmt.Errorf("%s: %w", db, err)
			}
			fmt.Fprintf(&reports[i], "%s, seed %d\n  before: %s\n  after:  %s\n", db, o.seed, s.before, s.after)
			return report(&reports[i], r)
		})
	}
	err := group.Wait()
	for i := range reports {
		fmt.Fprint(w, reports[i].String())
	}
	return err
}
