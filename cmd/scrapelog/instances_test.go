package main_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// TestAnotherInstanceTakesOver kills one of two servers on one database while
// each follows a run. The other ends the orphan and recovers it, once; its own
// run goes on.
func TestAnotherInstanceTakesOver(t *testing.T) {
	t.Parallel()
	p := newPair(t, eventstoretest.Postgres(t).URL)
	first := p.servers[0].startRun("one")
	second := p.servers[1].startRun("two")
	if first.Instance == second.Instance {
		t.Fatalf("both runs are followed by %s; the second belongs to the less loaded instance", first.Instance)
	}
	orphan, cared, dead := first, second, p.follower(first.Instance)
	p.processes[dead].kill()
	killed := time.Now()
	alive := p.servers[1-dead]

	lost := alive.ended(orphan.ID, 15*time.Second)
	if lost.Status != "connection_failed" || lost.Cause != "instance_lost" {
		t.Fatalf("the orphan ended as %+v", lost)
	}
	t.Logf("killed → instance_lost: %v", lost.EndedAt.Sub(killed).Round(time.Millisecond))
	await(t, 10*time.Second, "the orphan is recovered", func() bool { return alive.run(orphan.ID).RecoveredBy != "" })
	if run := alive.ended(alive.run(orphan.ID).RecoveredBy, 60*time.Second); run.Status != "completed" {
		t.Errorf("the recovery run ended as %+v", run)
	}
	if run := alive.ended(cared.ID, 60*time.Second); run.Status != "completed" {
		t.Errorf("the other run ended as %+v", run)
	}
	recoveries := 0
	for _, e := range alive.events() {
		if e.Data["recovers"] == orphan.ID {
			recoveries++
		}
	}
	if recoveries != 1 {
		t.Errorf("the orphan was recovered %d times", recoveries)
	}
}

// pair is two servers on one database and the worker they share.
type pair struct {
	servers   [2]api
	processes [2]*process
}

func newPair(t *testing.T, database string) *pair {
	dir, worker := t.TempDir(), freeAddr(t)
	start(t, "worker", "--config", write(t, filepath.Join(dir, "worker.yaml"), fmt.Sprintf(`listen: %s
beat: 1s
scrapes:
  - {name: one, command: [sh, -c, "sleep 12; echo done"]}
  - {name: two, command: [sh, -c, "sleep 12; echo done"]}
`, worker)))
	config := write(t, filepath.Join(dir, "scrapelog.yaml"), fmt.Sprintf(`scrapers:
  - {name: one, url: "http://%[1]s/scrapes/one"}
  - {name: two, url: "http://%[1]s/scrapes/two"}
`, worker))
	p := &pair{}
	for i := range p.servers {
		listen := freeAddr(t)
		p.servers[i] = api{t, "http://" + listen}
		p.processes[i] = start(t, "serve", "--config", config, "--db", database, "--listen", listen)
		p.servers[i].ready()
	}
	return p
}

// follower is which of the two goes by the instance id.
func (p *pair) follower(instance string) int {
	if strings.Contains(p.processes[0].out.String(), "instance="+instance) {
		return 0
	}
	return 1
}
