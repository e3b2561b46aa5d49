package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// options is what a crash test is to be.
type options struct {
	binary    string
	database  string
	cycles    int
	instances int
	scrapers  int
	seed      uint64
	limit     time.Duration // ends it early; 0: none
	bound     time.Duration
	disturb   func(ctx context.Context, c *crash) error // what is done to the database meanwhile; nil: nothing
	progress  func(string)
}

// crash is a crash test under way.
type crash struct {
	options
	dir      string // of this test alone
	config   string
	calmed   string // the configuration without schedules
	listen   []string
	record   *record
	scrapers []*scraper
	calm     atomic.Bool
	kills    atomic.Int64
	toCancel chan uuid.UUID
}

// result is what came of it.
type result struct {
	kills, lives, runs, posts, acks, events int
	fell                                    []string // how each life ended that ended by itself, with what it printed last
	lasted, stalled                         time.Duration
	dir                                     string // kept when promises were broken: the database, to look into
	story                                   func(uuid.UUID) string
	violations                              []check.Violation
}

// run does the whole test: cycles, quiet, check. What it starts it ends.
func run(ctx context.Context, o options) (result, error) {
	c, err := newCrash(o)
	if err != nil {
		return result{}, err
	}
	defer c.closeScrapers()
	if err := c.prepare(); err != nil {
		return result{}, err
	}
	began := time.Now()
	if err := c.cycle(ctx); err != nil {
		return result{}, err
	}
	lasted := time.Since(began)
	if err := c.settle(context.WithoutCancel(ctx)); err != nil {
		return result{}, err
	}
	r, err := c.judge(context.WithoutCancel(ctx))
	r.kills, r.lasted = int(c.kills.Load()), lasted
	if err == nil && len(r.violations) == 0 {
		return r, os.RemoveAll(c.dir)
	}
	r.dir = c.dir
	return r, errors.Join(err, c.keep(context.WithoutCancel(ctx)))
}

// keep puts a PostgreSQL database beside what is kept of a failed test. A SQLite
// file that the test made is there already.
func (c *crash) keep(ctx context.Context) error {
	if !strings.HasPrefix(c.database, "postgres") {
		return nil
	}
	program, err := eventstoretest.Program("pg_dump")
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, program, "--file", filepath.Join(c.dir, "crash.sql"), c.database).CombinedOutput(); err != nil {
		return fmt.Errorf("keep the database: %w\n%s", err, out)
	}
	return nil
}

func newCrash(o options) (*crash, error) {
	dir, err := os.MkdirTemp("", "crashcheck-")
	if err != nil {
		return nil, err
	}
	c := &crash{options: o, dir: dir, record: newRecord(o.bound, strings.HasPrefix(o.database, "postgres")), toCancel: make(chan uuid.UUID, 16)}
	if c.database == "" {
		c.database = "sqlite:" + filepath.Join(dir, "crash.db")
	}
	return c, nil
}

func (c *crash) prepare() error {
	for i := range c.options.scrapers {
		rng := c.random(100 + uint64(i))
		s, err := newScraper(fmt.Sprintf("s%02d", i), rng, c.record, &c.calm, c.cancel)
		if err != nil {
			return err
		}
		c.scrapers = append(c.scrapers, s)
	}
	for range c.instances {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		c.listen = append(c.listen, address)
	}
	c.config, c.calmed = filepath.Join(c.dir, "crash.yaml"), filepath.Join(c.dir, "calm.yaml")
	if err := os.WriteFile(c.config, []byte(c.yaml(true)), 0o600); err != nil {
		return err
	}
	return os.WriteFile(c.calmed, []byte(c.yaml(false)), 0o600)
}

// yaml configures the scrapers: some have a schedule, some a longer hold-down, some an
// expectation, one does not recover.
func (c *crash) yaml(schedules bool) string {
	var b strings.Builder
	b.WriteString("shutdown_grace: 200ms\nscrapers:\n")
	for i, s := range c.scrapers {
		fmt.Fprintf(&b, "  - name: %s\n    url: http://%s/scrape\n    idle_timeout: %s\n    probe: {interval: 100ms}\n    headers_env: {%s: %s}\n",
			s.name, s.address, idleTimeout, lifeHeader, lifeVariable)
		if schedules && i%2 == 0 {
			b.WriteString("    schedule: \"@every 1s\"\n")
		}
		if i%3 == 0 {
			b.WriteString("    expect: {success_within: 700ms, min_items: 200000}\n") // of up to a million
		}
		fmt.Fprintf(&b, "    recovery: {enabled: %v, hold_down: %dms}\n", i != 1, 1000+150*(i%2))
	}
	return b.String()
}

// cycle starts and kills until it has been done often enough.
func (c *crash) cycle(ctx context.Context) error {
	if c.limit > 0 {
		limited, cancel := context.WithTimeout(ctx, c.limit)
		defer cancel()
		ctx = limited
	}
	around, end := context.WithCancel(ctx)
	defer end()
	beside := c.beside(around)
	beside.Go(func() error { c.tell(around); return nil })
	slots := new(errgroup.Group)
	for i := range c.instances {
		slots.Go(func() error { return c.live(ctx, i, c.random(50+uint64(i))) })
	}
	err := slots.Wait()
	end()
	if besideErr := beside.Wait(); err == nil {
		err = besideErr
	}
	return err
}

// beside is what goes on beside the processes until ctx ends: users, scrapers
// that go away and come back, and what is done to the database.
func (c *crash) beside(ctx context.Context) *errgroup.Group {
	beside := new(errgroup.Group)
	beside.Go(func() error { c.record.watchMachine(ctx.Done()); return nil })
	beside.Go(func() error { c.cancels(ctx, c.random(1)); return nil })
	for i := range 2 * c.instances {
		beside.Go(func() error { c.drive(ctx, c.random(10+uint64(i))); return nil })
	}
	for i, s := range c.scrapers {
		if i%3 == 0 {
			beside.Go(func() error { s.flap(ctx); return nil })
		}
	}
	if c.disturb != nil {
		beside.Go(func() error { return c.disturb(ctx, c) })
	}
	return beside
}

func (c *crash) tell(ctx context.Context) {
	for began := time.Now(); eventstore.Pause(ctx, 10*time.Second); {
		n := c.kills.Load()
		if c.progress == nil {
			continue
		}
		c.progress(fmt.Sprintf("%d of %d kills, %.1f a second", n, c.cycles, float64(n)/time.Since(began).Seconds()))
	}
}

// random is a source of its own for each part, so that one does not disturb another.
func (c *crash) random(part uint64) *rand.Rand { return rand.New(rand.NewPCG(c.seed, part)) }

func (c *crash) closeScrapers() {
	for _, s := range c.scrapers {
		s.close()
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
