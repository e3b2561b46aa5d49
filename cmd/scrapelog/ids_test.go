package main

import (
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// TestEveryCommandTakesAnyPartOfARunsID asks a server and a database alike.
func TestEveryCommandTakesAnyPartOfARunsID(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		empty := eventstoretest.SQLite(t).URL
		expect(t, 0, "", "db", "migrate", "--db", empty)
		expect(t, 3, "", "events", "list", "--run", "latest", "--db", empty)
		scraper := newScraper(t)
		startServer(t, db.URL, scraper.URL)
		id := strings.TrimSpace(expect(t, 0, "", "runs", "start", "shop", "-o", "json", "--jq", ".id"))
		id = strings.Trim(id, `"`)
		for _, part := range []string{id, strings.ToUpper(id), id[:13], id[28:], "…" + id[28:], strings.ReplaceAll(id, "-", "")[10:20], "latest"} {
			expect(t, 0, id, "runs", "show", part)
			expect(t, 0, "run-"+id, "events", "list", "--run", part, "--db", db.URL)
			expect(t, 0, "run-"+id, "events", "list", "--stream", "run-"+part, "--db", db.URL)
			expect(t, 0, "run-"+id, "events", "tail", "--run", part, "--db", db.URL)
		}
		for _, none := range []string{"123456789abc", "ffffffff-ffff-ffff-ffff-ffffffffffff"} {
			expect(t, 3, "", "runs", "show", none)
			expect(t, 3, "", "runs", "cancel", none)
			expect(t, 3, "", "runs", "watch", none)
		}
		expect(t, 3, "", "events", "list", "--run", "123456789abc", "--db", db.URL)
		for _, flag := range [][]string{{"--run", "12345"}, {"--stream", "run-x"}} {
			if _, stderr, code := invoke(t, "events", "list", flag[0], flag[1], "--db", db.URL); code != 2 || !strings.Contains(stderr, flag[0]) {
				t.Errorf("%s: exit %d, %q", flag, code, stderr)
			}
		}

		scraper.end <- "event: completed\ndata: {\"items\":1,\"note\":\"the last page repeated\"}\n\n"
		expect(t, 0, "the last page repeated", "runs", "watch", id[28:], "-o", "ndjson")
		expect(t, 0, "note", "runs", "show", id[28:])
		expect(t, 0, "– the last page repeated", "events", "list", "--run", id[28:], "--db", db.URL)
		expect(t, 6, "", "runs", "cancel", id[28:]) // it has ended

		twin := strings.Trim(strings.TrimSpace(expect(t, 0, "", "runs", "start", "shop", "-o", "json", "--jq", ".id")), `"`)
		_, stderr, code := invoke(t, "runs", "show", id[:6])
		if code != 2 || !strings.Contains(stderr, id) || !strings.Contains(stderr, twin) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("an ambiguous part: exit %d, %q", code, stderr)
		}
		expect(t, 0, twin, "runs", "cancel", twin[28:])
	})
}
