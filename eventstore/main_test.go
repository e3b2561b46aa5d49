package eventstore_test

import (
	"os"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(neighbourVariable); url != "" {
		os.Exit(beNeighbour(url))
	}
	os.Exit(eventstoretest.Main(m))
}

const patience = eventstoretest.Patience

var (
	at         = eventstoretest.At
	started    = eventstoretest.Started
	completed  = eventstoretest.Completed
	appendOf   = eventstoretest.AppendOf
	mustAppend = eventstoretest.MustAppend[*eventstore.Store]
	write      = eventstoretest.Write[*eventstore.Store]
	await      = eventstoretest.Await
)
