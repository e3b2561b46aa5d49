package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// binary is the program to kill.
var binary string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	if flag.Parse(); testing.Short() {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "crashcheck-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "scrapelog")
	if err := build(context.Background(), binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return eventstoretest.Main(m)
}

// besideOthers is how late the log may be while the tests of other packages take
// the processors. How prompt it is make crash tells, on a machine of its own.
const besideOthers = 5 * time.Second

// TestCrashes is the crash test's short form; make crash is the long one.
func TestCrashes(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a minute to kill servers; make test runs it")
	}
	t.Run("sqlite", func(t *testing.T) { crashes(t, "", 1) }) // a file in the folder that a failed test keeps
	t.Run("postgres", func(t *testing.T) { crashes(t, eventstoretest.Postgres(t).URL, 1) })
}

func TestCrashesOfTwoInstances(t *testing.T) {
	crashes(t, eventstoretest.Postgres(t).URL, 2)
}

func crashes(t *testing.T, database string, instances int) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r, err := run(t.Context(), options{
		binary: binary, database: database, cycles: 20, instances: instances, scrapers: 12 * instances, seed: seed, bound: besideOthers,
	})
	if err != nil {
		t.Fatalf("%v (kept: %s)", err, r.dir)
	}
	var text strings.Builder
	if err := report(&text, r); err != nil {
		t.Error(err)
	}
	t.Log(text.String())
	if r.runs == 0 || r.posts == 0 || r.acks == 0 {
		t.Error("nothing happened that a kill could have hurt")
	}
}
