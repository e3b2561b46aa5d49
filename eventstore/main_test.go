package eventstore_test

import (
	"os"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(neighbourVariable); url != "" {
		os.Exit(beNeighbour(url))
	}
	os.Exit(eventstoretest.Main(m))
}

// await polls until good, with a deadline.
func await(t testing.TB, good func() bool) {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !good() {
		select {
		case <-deadline:
			t.Fatal("it did not come about")
		case <-poll.C:
		}
	}
}
