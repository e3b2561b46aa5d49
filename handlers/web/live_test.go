package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

func TestTheStreamOfATab(t *testing.T) {
	s := webtest.New()
	messages, err := web.RenderFor(domain.RoleAdmin)(projections.Changes{State: true, Runs: s.Rows, Scrapers: s.Named, Counts: projections.Counts{}, Position: webtest.Head})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append(messages, live.Message{Event: live.BeatEvent, Data: []byte(`{}`)}) {
		s.Messages <- m
	}
	close(s.Messages)
	server := httptest.NewServer(serve(s))
	defer server.Close()
	answer, err := http.Get(server.URL + "/live?id=tab-1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`hx-swap-oob="outerMorph:[data-cell=&#34;status-` + webtest.Lost.String(), "event: state\ndata: " + head + "\n\n", "event: beat\n"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the stream lacks %q", want)
		}
	}
}

func TestWhatAChangeTells(t *testing.T) {
	run, scraper := webtest.Runs()[0], webtest.Scrapers()[0]
	tests := map[string]struct {
		changes projections.Changes
		want    string
	}{
		"a state":  {projections.Changes{State: true, Runs: webtest.Runs(), Position: 7}, " lost=0 state=7"},
		"a change": {projections.Changes{Runs: []projections.Run{run}, Scrapers: []projections.Scraper{scraper}, Position: 8}, " lost=0 run-" + run.ID.String() + "= scraper-news= position=8"},
		"a storm":  {projections.Changes{Runs: make([]projections.Run, 500), Position: 9}, " lost=0 refresh= position=9"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			messages, err := web.RenderFor(domain.RoleAdmin)(test.changes)
			if err != nil || messages[0].Event != "" || len(messages[0].Data) == 0 {
				t.Fatalf("no fragments: %v %v", messages, err)
			}
			var told string
			for _, m := range messages[1:] {
				told += " " + m.Event + "=" + string(m.Data)
			}
			if told != test.want {
				t.Errorf("told %q, want %q", told, test.want)
			}
			if name == "a storm" && len(messages[0].Data) > 4<<10 {
				t.Errorf("a storm pushes %d bytes to every page", len(messages[0].Data))
			}
		})
	}
}

func TestPositionIsNeverAheadOfThePage(t *testing.T) {
	s := webtest.New()
	s.Blocked = "no such column"
	position, _ := document(t, get(serve(s), "/")).Find("#live").Attr("data-position")
	if position != strconv.FormatInt(webtest.Head-3, 10) {
		t.Errorf("the page says %s, its slowest reader is 3 behind %d", position, webtest.Head)
	}
}
