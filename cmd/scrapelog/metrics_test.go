package main_test

import (
	"regexp"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// series are the metrics of a page of text, `name{label}` as the API document
// names them.
var series = regexp.MustCompile("`(scrapelog_[a-z_]+)(?:\\{([a-z_]+)\\})?`")

// TestEveryDocumentedSeriesIsServed scrapes a server while a run is open.
func TestEveryDocumentedSeriesIsServed(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		scraper, addr := newHolder(t), freeAddr(t)
		s := api{t, "http://" + addr}
		start(t, "serve", "--config", write(t, t.TempDir()+"/scrapelog.yaml", scraper.config("shop")), "--listen", addr, "--db", db.URL)
		s.ready()
		if open := s.metric(`scrapelog_open_streams{kind="scraper"}`); open != 0 {
			t.Errorf("%v streams are open before the first run", open)
		}
		run := s.startRun("shop")
		await(t, 10*time.Second, "the stream is open", func() bool { return s.metric(`scrapelog_open_streams{kind="scraper"}`) == 1 })
		named := series.FindAllStringSubmatch(s.text("/openapi.yaml"), -1)
		if len(named) < 8 {
			t.Fatalf("the API document names %d series", len(named))
		}
		text := s.text("/metrics")
		for _, name := range named {
			want := `(?m)^` + name[1] + `[ {]`
			if name[2] != "" {
				want = `(?m)^` + name[1] + `\{(.*,)?` + name[2] + `="`
			}
			if !regexp.MustCompile(want).MatchString(text) {
				t.Errorf("no %s in\n%s", name[0], text)
			}
		}
		scraper.end(t, run.ID)
		await(t, 10*time.Second, "the stream is closed", func() bool { return s.metric(`scrapelog_open_streams{kind="scraper"}`) == 0 })
	})
}
