package main_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestWhatIsWrongWithTheLogIsTold gives up an event under the eyes of every server, stops
// them, handles it and starts them again: one notice says that something is wrong, and
// one that it is well.
func TestWhatIsWrongWithTheLogIsTold(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		hook := newHook(t, nil)
		setenv(t, "OPS_URL", hook.URL)
		setenv(t, "OPS_SECRET", webhookSecret)
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(`database: %q
notify: {to: [{name: ops, webhook_env: OPS_URL, secret_env: OPS_SECRET, on: [log]}]}
scrapers:
  - {name: shop, url: "http://127.0.0.1:9/"}
`, db.URL))
		servers := []api{{t, "http://" + gatetest.FreeAddress(t)}}
		if db.Dialect == eventstore.Postgres {
			servers = append(servers, api{t, "http://" + gatetest.FreeAddress(t)})
		}
		serve := func() (running []*process) {
			for _, s := range servers {
				running = append(running, start(t, "serve", "--config", config, "--listen", strings.TrimPrefix(s.base, "http://")))
			}
			return running
		}
		running := serve()
		for _, s := range servers {
			s.ready()
		}
		log := servedBy(t, db)
		log.own(`INSERT INTO dead_letters (topic, consumer_group, position, reason, recorded_at) VALUES ('events', 'rescrape', 1, 'poison', 0)`)
		told := hook.await(t, 1)
		if text := told[0].Data.Text; !strings.Contains(text, "events that rescrape gave up: 1") {
			t.Errorf("told %q", text)
		}
		await(t, 30*time.Second, "it is recorded as sent", func() bool { return strings.Contains(servers[0].text("/notices"), "Sent") })
		log.own(`UPDATE notices SET state = 'given_up'`) // as after a day
		await(t, 30*time.Second, "the overview says that a notice was given up", func() bool { return strings.Contains(servers[0].text("/"), "<strong>Given up: ") })
		for i, s := range servers {
			s.notReady(30*time.Second, "events that rescrape gave up: 1")
			if code := running[i].stop(t); code != 0 {
				t.Errorf("exit %d", code)
			}
		}
		if stdout, stderr, code := command(t, "events", "dead-letters", "replay", "1", "--db", db.URL); code != 0 {
			t.Fatalf("replay: exit %d, %s%s", code, stdout, stderr)
		}
		serve()
		hook.await(t, 2)
		if got := hook.types(); !slices.Equal(got, []string{"log.started", "log.ended"}) {
			t.Errorf("told of %q", got)
		}
	})
}
