package main_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

var (
	noticeKills = flag.Int("noticekills", 6, "how often TestNoticesSurviveKills kills a server")
	noticeSeed  = flag.Uint64("noticeseed", 0, "the seed of TestNoticesSurviveKills; 0: one by chance")
)

const killedConfig = `database: %q
notify:
  group_wait: 0s
  to:
    - {name: hook, webhook_env: KILLED_HOOK, secret_env: KILLED_SECRET}
    - {name: runs, webhook_env: KILLED_RUNS, secret_env: KILLED_SECRET, on: [run]}
scrapers:
  - {name: a, url: %[2]s/a, idle_timeout: 10m, probe: {interval: 100ms}, recovery: {hold_down: 1s}}
  - {name: b, url: %[2]s/b, idle_timeout: 10m, probe: {interval: 100ms}, recovery: {hold_down: 1s}}
`

// doomed are servers on one database that are killed at random instants, the scrapers
// that they run, and the channels that they tell.
type doomed struct {
	*testing.T
	config     string
	servers    []api
	processes  []*process
	hook, runs *hook
	site       *site
	down       bool
	chance     *rand.Rand
	say        map[string]func(event string) // to a shop: how its runs end from now on
}

// TestNoticesSurviveKills kills servers at random instants while scrapers fail, complete,
// are lost and come back. Each edge of a trouble arrives, under one webhook-id, and the
// edges of a subject in their order; so does the end of each run. Nothing else arrives.
func TestNoticesSurviveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("kills servers again and again, which takes half a minute; make test runs it")
	}
	t.Parallel()
	for name, servers := range map[string]int{"sqlite": 1, "postgres": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := eventstoretest.SQLite
			if servers > 1 {
				database = eventstoretest.Postgres
			}
			d := newDoomed(t, database(t).URL, servers)
			d.kills(*noticeKills)
			d.settle()
		})
	}
}

func newDoomed(t *testing.T, database string, servers int) *doomed {
	seed := cmp.Or(*noticeSeed, rand.Uint64())
	t.Logf("go test -run TestNoticesSurviveKills -noticekills %d -noticeseed %d", *noticeKills, seed)
	d := &doomed{T: t, hook: newHook(t, hesitates), runs: newHook(t, hesitates), site: newSite(t), chance: rand.New(rand.NewPCG(seed, 0)), say: map[string]func(string){}}
	setenv(t, "KILLED_HOOK", d.hook.URL)
	setenv(t, "KILLED_RUNS", d.runs.URL)
	setenv(t, "KILLED_SECRET", webhookSecret)
	config := fmt.Sprintf(killedConfig, database, d.site.URL)
	for _, name := range []string{"shop-1", "shop-2", "shop-3", "shop-4", "shop-5", "shop-6"} {
		shop, say := failingScraper(t)
		d.say[name] = say
		config += fmt.Sprintf("  - {name: %s, url: %s, probe: {interval: 100ms}, recovery: {hold_down: 1s}}\n", name, shop.URL)
	}
	d.config = write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), config)
	for i := range servers {
		d.servers = append(d.servers, api{t, "http://" + gatetest.FreeAddress(t)})
		d.processes = append(d.processes, nil)
		d.start(i)
		d.servers[i].ready()
	}
	return d
}

// hesitates takes a notice or answers after a while, so that a server is often killed in
// between. What a dead server has sent is taken half of the time.
func hesitates(_ http.ResponseWriter, r *http.Request) (refuses bool) {
	time.Sleep(rand.N(300 * time.Millisecond))
	return r.Context().Err() != nil && rand.N(2) == 0
}

func (d *doomed) start(i int) {
	listen := strings.TrimPrefix(d.servers[i].base, "http://")
	d.processes[i] = start(d.T, "serve", "--config", d.config, "--listen", listen)
}

// kills kills a server so many times, and lets trouble begin and end meanwhile.
func (d *doomed) kills(n int) {
	d.Helper()
	for range n {
		next := time.Now().Add(time.Duration(d.chance.Int64N(int64(2500 * time.Millisecond))))
		for time.Now().Before(next) {
			d.live()
		}
		i := d.chance.IntN(len(d.servers))
		d.processes[i].kill()
		d.start(i)
	}
}

// live takes the next step of the scrapers' life, as far as there is a server.
func (d *doomed) live() {
	d.Helper()
	time.Sleep(20 * time.Millisecond)
	a := d.servers[d.chance.IntN(len(d.servers))]
	var page struct{ Runs []run }
	if a.do("GET", "/api/v1/runs?status=running&limit=500", "", &page) != 200 {
		return
	}
	running := func(name string) bool {
		return slices.ContainsFunc(page.Runs, func(r run) bool { return r.Scraper == name })
	}
	for name, say := range d.say {
		if !running(name) && rand.N(4) == 0 {
			say([]string{saysCompleted, saysFailed}[rand.N(2)])
			a.do("POST", "/api/v1/scrapers/"+name+"/runs", "", nil)
		}
	}
	switch follows := running("a") && running("b") && d.site.open.Load() == 2; {
	case d.down && !running("a") && !running("b"):
		d.site.comeBack()
		d.down = false
	case !d.down && follows && len(d.missing(a)) == 0: // an outage that follows at once would be told with the last
		d.site.goDown()
		d.down = true
	case !d.down:
		for _, name := range []string{"a", "b"} {
			if !running(name) {
				a.do("POST", "/api/v1/scrapers/"+name+"/runs", "", nil)
			}
		}
	}
}

// ended is how the events that end a run are named.
var ended = []string{"run.completed", "run.failed", "run.cancelled", "run.connection_lost"}

// edges are what the log of a server says is to be told of troubles and of runs, each
// with the subject it is about.
func (d *doomed) edges(a api) (troubles, runs map[string]string) {
	d.Helper()
	troubles, runs = map[string]string{}, map[string]string{}
	failing := map[any]bool{}
	for _, e := range a.events() {
		scraper := e.Data["scraper"]
		if slices.Contains(ended, e.Type) {
			runs[fmt.Sprint("run.ended ", e.Position)] = fmt.Sprint(scraper)
		}
		fails := e.Type == "run.failed"
		if (fails || e.Type == "run.completed") && fails != failing[scraper] {
			failing[scraper] = fails
			troubles[fmt.Sprint(edgeType("failing", fails), e.Position)] = fmt.Sprint("failing ", scraper)
		}
	}
	var page struct {
		Outages []struct {
			EndedAt time.Time `json:"ended_at"`
			Origin  string
			First   int64 `json:"first_position"`
			Last    int64 `json:"last_position"`
		}
	}
	a.do("GET", "/api/v1/outages?limit=500", "", &page)
	for _, o := range page.Outages {
		troubles[fmt.Sprint(edgeType("outage", true), o.First)] = "outage " + o.Origin
		if o.EndedAt.IsZero() {
			o.Last = 0 // its end is to come: no notice tells it yet
		}
		troubles[fmt.Sprint(edgeType("outage", false), o.Last)] = "outage " + o.Origin
	}
	return troubles, runs
}

func edgeType(kind string, began bool) string {
	if began {
		return kind + ".started "
	}
	return kind + ".ended "
}

// edge is the edge that a notice tells.
func (r received) edge() string {
	if len(r.Data.Events) == 0 {
		return r.Type
	}
	return fmt.Sprint(r.Type, " ", r.Data.Events[len(r.Data.Events)-1].Position)
}

// missing are the edges that have not arrived yet.
func (d *doomed) missing(a api) (missing []string) {
	d.Helper()
	troubles, runs := d.edges(a)
	for _, told := range d.hook.notices() {
		delete(troubles, told.edge())
	}
	for _, told := range d.runs.notices() {
		delete(runs, told.edge())
	}
	return slices.AppendSeq(slices.Collect(maps.Keys(troubles)), maps.Keys(runs))
}

// settle lets every trouble end, waits until every edge has arrived, and checks that
// nothing else has.
func (d *doomed) settle() {
	d.Helper()
	a := d.servers[0]
	for _, say := range d.say {
		say(saysCompleted)
	}
	if d.down {
		d.site.comeBack()
	}
	for _, s := range d.servers {
		s.ready()
	}
	var missing []string
	deadline := time.Now().Add(time.Minute)
	for missing = d.missing(a); len(missing) > 0 || d.site.open.Load() < 2; missing = d.missing(a) {
		if time.Now().After(deadline) {
			d.Fatalf("never told: %q", missing)
		}
		for _, name := range []string{"a", "b"} { // unless they are recovered
			a.do("POST", "/api/v1/scrapers/"+name+"/runs", "", nil)
		}
		time.Sleep(50 * time.Millisecond)
	}
	heard, heardRuns := d.hook.notices(), d.runs.notices()
	head := len(a.events())
	await(d, 30*time.Second, "the outages are seen", func() bool { return a.metric(`scrapelog_consumer_position{consumer="outages"}`) >= float64(head) })
	troubles, runs := d.edges(a)
	checkTold(d.T, heard, troubles)
	checkTold(d.T, heardRuns, runs)
	d.Logf("%d kills; %d edges of troubles arrived %d times, %d ends of runs %d times",
		*noticeKills, len(troubles), d.hook.arrived(), len(runs), d.runs.arrived())
}

// checkTold checks that each notice tells an edge, no two the same, those of one subject
// in order, and that of a run with the run as it ended.
func checkTold(t *testing.T, told []received, edges map[string]string) {
	t.Helper()
	ids, last := map[string]string{}, map[string]int64{}
	for _, n := range told {
		subject, happened := edges[n.edge()]
		if !happened {
			t.Errorf("told falsely: %s of %v: %s", n.edge(), n.Data.Scrapers, n.Data.Title)
			continue
		}
		if other, twice := ids[n.edge()]; twice {
			t.Errorf("%s has two ids: %s and %s", n.edge(), other, n.webhookID)
		}
		ids[n.edge()] = n.webhookID
		if r := n.Data.Run; n.Type == "run.ended" && (r == nil || r.Scraper != subject || r.Status == "running") {
			t.Errorf("%s has the run %+v", n.edge(), r)
		}
		position := n.Data.Events[len(n.Data.Events)-1].Position
		if position < last[subject] {
			t.Errorf("%s is told after that of position %d", n.edge(), last[subject])
		}
		last[subject] = position
	}
}
