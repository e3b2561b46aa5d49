package main_test

import (
	"testing"
	"time"
)

// TestAnotherInstanceTakesOver kills one of two servers on one database while
// each follows a run. The other ends the orphan and recovers it, once; its own
// run goes on.
func TestAnotherInstanceTakesOver(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, "one", "two")
	runs := c.startRuns()
	orphan, cared := runs[0], runs[1]
	if orphan.Instance == cared.Instance {
		t.Fatalf("both runs are followed by %s; the second belongs to the less loaded instance", orphan.Instance)
	}
	dead, alive := c.members[0], c.members[1]
	if alive.instance() == orphan.Instance {
		dead, alive = alive, dead
	}
	c.members = []*member{alive}
	dead.process.kill()
	killed := time.Now()
	lost := alive.ended(orphan.ID, time.Minute)
	if lost.Status != "connection_failed" || lost.Cause != "instance_lost" {
		t.Fatalf("the orphan ended as %+v", lost)
	}
	t.Logf("killed → instance_lost: %v", lost.EndedAt.Sub(killed).Round(time.Millisecond))
	c.completeAll()
	if now := alive.run(cared.ID); now.Status != "completed" {
		t.Errorf("the other run ended as %+v", now)
	}
	if lost := c.checkStory("instance_lost"); lost != 1 {
		t.Errorf("%d runs were lost", lost)
	}
}
