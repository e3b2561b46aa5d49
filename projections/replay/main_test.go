package replay

import (
	"os"
	"testing"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/projections"
	"scrapelog/projections/projectionstest"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// testLog is a log, the projections that follow it, and their queries.
type testLog struct {
	*projectionstest.Log
	*projections.Queries
}

// onEach runs a test on both databases, with the projections' tables made.
func onEach(t *testing.T, test func(t *testing.T, log *testLog)) {
	t.Helper()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) { test(t, open(t, db)) })
}

func open(t testing.TB, db eventstoretest.Database) *testLog {
	t.Helper()
	log := projectionstest.Open(t, db, projections.Ensure, projections.All())
	return &testLog{log, projections.NewQueries(log.Store)}
}

// rebuildAll rebuilds every projection from the log.
func (l *testLog) rebuildAll() {
	l.Helper()
	if err := projections.Rebuild(l.Context(), l.Store, projections.Names(), nil); err != nil {
		l.Fatal(err)
	}
}

// The events of the stories.
var (
	runA, runB = projectionstest.RunA, projectionstest.RunB
	started    = projectionstest.Started
	completed  = projectionstest.Completed
	configured = projectionstest.Configured
	told       = projectionstest.Told
	newStory   = projectionstest.NewStory
	same       = projectionstest.Same
)
