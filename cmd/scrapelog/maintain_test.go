package main_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/gate/gatetest"
)

// tools write, and have the database alone while they do; each says what does the
// same within a server.
var tools = map[string]string{
	"projections rebuild runs": "/projections",
	"db migrate":               "restart it",
	"audit checkpoint":         "seals by itself",
}

// TestToolsAndServersKeepOut runs each as a process of its own, beside a server
// that serves, and beside maintenance when a server starts.
func TestToolsAndServersKeepOut(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		t.Setenv("XDG_STATE_HOME", t.TempDir())
		listen := gatetest.FreeAddress(t)
		serve := []string{"serve", "--db", db.URL, "--listen", listen, "--config", write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "scrapers: []\n")}
		server := start(t, serve...)
		api{t, "http://" + listen}.ready()
		refused(t, db.URL)
		if code := server.stop(t); code != 0 {
			t.Fatalf("serve: exit %d", code)
		}

		store, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		release, err := instances.New(store).Maintain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		refused(t, db.URL)
		server = start(t, serve...)
		select {
		case <-server.done:
		case <-time.After(time.Minute):
			t.Fatal("a server that starts beside maintenance does not end")
		}
		if code := server.ProcessState.ExitCode(); code != 6 {
			t.Errorf("serve beside maintenance: exit %d", code)
		}
		release()
		for tool := range tools {
			if _, stderr, code := command(t, append(strings.Fields(tool), "--db", db.URL)...); code != 0 && !strings.Contains(stderr, "nothing to sign") {
				t.Errorf("%s: exit %d, %s", tool, code, stderr)
			}
		}
	})
}

func refused(t *testing.T, url string) {
	t.Helper()
	for tool, instead := range tools {
		_, stderr, code := command(t, append(strings.Fields(tool), "--db", url)...)
		if code != 6 || !strings.Contains(stderr, instead) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %s", tool, code, stderr)
		}
		t.Logf("%s: %s", tool, stderr)
	}
}
