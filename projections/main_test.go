package projections

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/projections/projectionstest"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// testLog is a log, the projections that follow it, and their queries.
type testLog struct {
	*projectionstest.Log
	*Queries
}

// onEach runs a test on both databases, with the projections' tables made.
func onEach(t *testing.T, test func(t *testing.T, log *testLog)) {
	t.Helper()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) { test(t, open(t, db)) })
}

func open(t testing.TB, db eventstoretest.Database) *testLog {
	t.Helper()
	log := projectionstest.Open(t, db, Ensure, All())
	return &testLog{log, NewQueries(log.Store)}
}

// The events of the stories.
var (
	runA, runB = projectionstest.RunA, projectionstest.RunB
	zero       uuid.UUID
	noon       = projectionstest.Noon
	at         = projectionstest.At
	about      = projectionstest.About
	aboutShop  = projectionstest.AboutShop
	started    = projectionstest.Started
	lost       = projectionstest.Lost
	restored   = projectionstest.Restored
	recovers   = projectionstest.Recovers
	completed  = projectionstest.Completed
	configured = projectionstest.Configured
	same       = projectionstest.Same
)
