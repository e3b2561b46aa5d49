package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// cluster is several servers on one PostgreSQL database, and a scraper whose runs
// last for as long as the test wants.
type cluster struct {
	t        *testing.T
	scraper  *holder
	database string
	config   string
	names    []string
	members  []*member
}

// member is one of them: a process at an address that outlives it.
type member struct {
	api
	listen  string
	process *process
}

func newCluster(t *testing.T, servers int, names ...string) *cluster {
	c := &cluster{t: t, scraper: newHolder(t), database: eventstoretest.Postgres(t).URL, names: names}
	c.config = write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), c.scraper.config(names...))
	for range servers {
		listen := gatetest.FreeAddress(t)
		m := &member{api: api{t, "http://" + listen}, listen: listen}
		c.members = append(c.members, m)
		c.start(m)
	}
	return c
}

func (c *cluster) start(m *member) {
	c.t.Helper()
	m.process = start(c.t, "serve", "--config", c.config, "--db", c.database, "--listen", m.listen)
	m.ready()
}

var servesAs = regexp.MustCompile(` serving .*instance=([0-9a-f-]{36})`)

// instance is the id under which the process began to serve.
func (m *member) instance() string {
	m.t.Helper()
	var found []string
	await(m.t, 30*time.Second, "the server says who it is", func() bool {
		found = servesAs.FindStringSubmatch(m.process.out.String())
		return found != nil
	})
	return found[1]
}

// startRuns starts a run of every scraper, and waits until each is followed.
func (c *cluster) startRuns() (runs []run) {
	c.t.Helper()
	for i, name := range c.names {
		runs = append(runs, c.members[i%len(c.members)].startRun(name))
	}
	for _, r := range runs {
		await(c.t, 30*time.Second, "run "+r.ID+" is followed", func() bool { return c.scraper.follows(r.ID) })
	}
	return runs
}

// completeAll waits until every scraper has a run that is followed, and lets all
// end. It returns them.
func (c *cluster) completeAll() {
	c.t.Helper()
	a := c.members[0]
	var open []run
	await(c.t, 60*time.Second, "every scraper has a run that is followed", func() bool {
		open = a.runs("status=running")
		return len(open) == len(c.names) && !slices.ContainsFunc(open, func(r run) bool { return !c.scraper.follows(r.ID) })
	})
	for _, r := range open {
		c.scraper.end(c.t, r.ID)
	}
	for _, r := range open {
		if r = a.ended(r.ID, 30*time.Second); r.Status != "completed" {
			c.t.Errorf("run %s of %s ended as %s (%s)", r.ID, r.Scraper, r.Status, r.Cause)
		}
	}
}

// checkStory checks what must be so after whatever happened: every run that was
// lost has ended once, was restored once and is recovered by one run, and no run
// was POSTed twice.
func (c *cluster) checkStory(causes ...string) (lost int) {
	c.t.Helper()
	count := map[string]map[string]int{"ends": {}, "run.connection_restored": {}, "recoveries": {}}
	for _, e := range c.members[0].events() {
		id := strings.TrimPrefix(e.Stream, "run-")
		switch e.Type {
		case "run.connection_lost":
			lost++
			count["ends"][id]++
			if cause := fmt.Sprint(e.Data["cause"]); !slices.Contains(causes, cause) {
				c.t.Errorf("run %s was lost by %s, want any of %v", id, cause, causes)
			}
		case "run.completed", "run.failed", "run.cancelled":
			count["ends"][id]++
		case "run.connection_restored":
			count[e.Type][id]++
		case "run.started":
			if recovers, is := e.Data["recovers"].(string); is {
				count["recoveries"][recovers]++
			}
		}
	}
	for what, runs := range count {
		for id, n := range runs {
			if n != 1 {
				c.t.Errorf("run %s has %d %s", id, n, what)
			}
		}
	}
	if restored, recovered := len(count["run.connection_restored"]), len(count["recoveries"]); restored != lost || recovered != lost {
		c.t.Errorf("%d lost, %d restored, %d recovered", lost, restored, recovered)
	}
	if twice := c.scraper.postedTwice(); len(twice) > 0 {
		c.t.Errorf("POSTed twice: %v", twice)
	}
	return lost
}

// TestARollingRestartInterruptsEachRunOnce restarts one server after the other
// while runs are open, as a deploy does.
func TestARollingRestartInterruptsEachRunOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, "a", "b", "c", "d", "e", "f")
	c.startRuns()
	began := time.Now()
	for _, m := range c.members {
		if code := m.process.stop(t); code != 0 {
			t.Errorf("serve exits %d when it is asked to stop", code)
		}
		c.start(m)
	}
	t.Logf("three servers restarted in %v", time.Since(began).Round(time.Millisecond))
	c.completeAll()
	if lost := c.checkStory("instance_stopped"); lost < 6 {
		t.Errorf("%d runs were interrupted; the servers had at least two each", lost)
	}
}

// TestAFrozenInstanceIsFenced stops a server for longer than it may be silent,
// while its run ends, and continues it: what it heard is late, and its run is no
// longer its own.
func TestAFrozenInstanceIsFenced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, "a", "b")
	runs := c.startRuns()
	c.namesWhoHolds(runs)
	frozen, other := c.members[0], c.members[1]
	was := frozen.instance()
	at := slices.IndexFunc(runs, func(r run) bool { return r.Instance == was })
	if at < 0 {
		t.Fatalf("%s follows none of %+v", was, runs)
	}
	orphan := runs[at]
	freeze(t, frozen.process)
	stopped := time.Now()
	c.scraper.end(t, orphan.ID) // which it hears when it is continued
	lost := other.ended(orphan.ID, 60*time.Second)
	if lost.Status != "connection_failed" || lost.Cause != "instance_lost" {
		t.Fatalf("the frozen server's run ended as %+v", lost)
	}
	t.Logf("frozen → instance_lost: %v", lost.EndedAt.Sub(stopped).Round(time.Millisecond))
	await(t, 30*time.Second, "the other server recovers it", func() bool { return other.run(orphan.ID).RecoveredBy != "" })
	signal(t, frozen.process, syscall.SIGCONT)
	await(t, 60*time.Second, "the thawed server notices", func() bool {
		return strings.Contains(frozen.process.out.String(), "marked this instance dead")
	})
	frozen.ready()
	await(t, 30*time.Second, "it serves under another name", func() bool {
		live := liveInstances(t, c.database)
		return len(live) == 2 && !slices.Contains(live, was)
	})
	c.completeAll()
	c.checkStory("instance_lost")
	for _, e := range other.events() {
		if e.Metadata["instance"] == was && e.RecordedAt.After(lost.EndedAt) {
			t.Errorf("after its death %s wrote %s at position %d", was, e.Type, e.Position)
		}
	}
}

// namesWhoHolds asks the command line and a page who follows what.
func (c *cluster) namesWhoHolds(runs []run) {
	c.t.Helper()
	out, errs, code := command(c.t, "db", "status", "--db", c.database, "-o", "ndjson", "--jq", `.instances[] | .id + " " + .runs[].run`)
	page := c.members[1].text("/projections")
	for _, r := range runs {
		if !strings.Contains(out, r.Instance+" "+r.ID+"\n") || code != 0 {
			c.t.Errorf("db status exits %d and says %s%s, not that %s follows %s", code, out, errs, r.Instance, r.ID)
		}
		if !strings.Contains(page, r.Instance) || !strings.Contains(page, "/runs/"+r.ID) {
			c.t.Errorf("/projections does not say that %s follows %s", r.Instance, r.ID)
		}
	}
}

// TestLosingDatabaseConnectionsEndsNoRun ends every connection that the servers
// have to their database, again and again.
func TestLosingDatabaseConnectionsEndsNoRun(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, "a", "b", "c", "d")
	runs := c.startRuns()
	before := liveInstances(t, c.database)
	conn, err := pgx.Connect(t.Context(), c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	ended := 0
	for range 6 {
		var n int
		if err := conn.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		ended += n
		await(t, 30*time.Second, "the servers come back", func() bool {
			return c.members[0].do("GET", "/readyz", "", nil) == 200 && c.members[1].do("GET", "/readyz", "", nil) == 200
		})
	}
	if ended < 12 {
		t.Errorf("only %d connections were there to be ended", ended)
	}
	for _, r := range runs {
		if now := c.members[0].run(r.ID); now.Status != "running" || now.Instance != r.Instance {
			t.Errorf("the run is %+v", now)
		}
	}
	// One that has its lock back and not beaten yet is not listed for a moment; one
	// that was taken for dead comes back under another id.
	await(t, 30*time.Second, "the instances are the same", func() bool { return slices.Equal(before, liveInstances(t, c.database)) })
	c.completeAll()
	if lost := c.checkStory(); lost != 0 {
		t.Errorf("%d runs were lost", lost)
	}
}

// TestADatabaseThatWasAwayEndsNoRun keeps the servers from their database for longer
// than an instance without its lock may be silent: whoever is back first, or starts
// then, must not take the others for dead.
func TestADatabaseThatWasAwayEndsNoRun(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, "a", "b", "c", "d", "e", "f")
	runs := c.startRuns()
	address, err := url.Parse(c.database)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(address.Path, "/")
	address.Path = "/postgres"
	conn, err := pgx.Connect(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	run := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	database := pgx.Identifier{name}.Sanitize()
	run(`ALTER DATABASE ` + database + ` WITH ALLOW_CONNECTIONS false`)
	run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + name + `'`)
	<-time.After(6 * time.Second)
	run(`ALTER DATABASE ` + database + ` WITH ALLOW_CONNECTIONS true`)
	listen := gatetest.FreeAddress(t)
	late := &member{api: api{t, "http://" + listen}, listen: listen}
	c.members = append(c.members, late)
	c.start(late)
	for _, m := range c.members {
		m.ready()
	}
	await(t, 60*time.Second, "every server beats again", func() bool { return len(liveInstances(t, c.database)) == len(c.members) })
	for _, r := range runs {
		if now := c.members[0].run(r.ID); now.Status != "running" || now.Instance != r.Instance {
			t.Errorf("the run is %+v", now)
		}
	}
	c.completeAll()
	if lost := c.checkStory(); lost != 0 {
		t.Errorf("%d runs were lost", lost)
	}
}

func signal(t *testing.T, p *process, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// freeze stops a process and returns when all its threads stand: until then it may still
// hear something.
func freeze(t *testing.T, p *process) {
	t.Helper()
	signal(t, p, syscall.SIGSTOP)
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || !status.Stopped() {
			t.Fatalf("it did not stop: %v, %#x", err, status)
		}
		return
	}
}

// instances are those that db status names.
func liveInstances(t *testing.T, database string) []string {
	t.Helper()
	out, errs, code := command(t, "db", "status", "--db", database, "-o", "ndjson", "--jq", ".instances[].id")
	if code != 0 {
		t.Fatalf("db status exits %d: %s", code, errs)
	}
	ids := strings.Fields(out)
	slices.Sort(ids)
	return ids
}
