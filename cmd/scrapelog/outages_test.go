package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	openOutage  = `{"id":"0198c2f4-0000-7000-8000-00000000000a","origin":"http://127.0.0.1:9090","started_at":"2026-11-23T12:00:00.000000Z","cause":"idle_timeout","scrapers":["prices","stock"],"runs_lost":30,"runs_recovered":0,"first_position":7,"last_position":9,"later":1}`
	endedOutage = `{"id":"0198c2f4-0000-7000-8000-00000000000b","origin":"https://shop.example","started_at":"2026-11-22T02:00:00.000000Z","ended_at":"2026-11-22T02:20:00.040000Z","duration_ms":1200040,"cause":"reset","scrapers":["news"],"runs_lost":1,"runs_recovered":1,"first_position":3,"last_position":5}`
)

func TestOutagesCommands(t *testing.T) {
	f := fakeAPI(t)
	f.HandleFunc("GET /api/v1/outages", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			fmt.Fprintf(w, `{"outages":[%s],"next":"more"}`, openOutage)
			return
		}
		fmt.Fprintf(w, `{"outages":[%s]}`, endedOutage)
	})
	f.answer("GET /api/v1/outages/{id}", 200, endedOutage)
	stdout, stderr, code := invoke(t, "outages", "list")
	want := `ID        STARTED               LASTED  CAUSE         RUNS  ORIGIN
0000000a  2026-11-23T12:00:00Z  open    idle_timeout  30    http://127.0.0.1:9090
0000000b  2026-11-22T02:00:00Z  20m0s   reset         1     https://shop.example
`
	if stdout != want || code != 0 {
		t.Errorf("exit %d, %s, got\n%s", code, stderr, stdout)
	}
	for args, want := range map[string]string{
		"list --open --limit 1 -o ndjson":                              openOutage + "\n",
		"list -o ndjson":                                               openOutage + "\n" + endedOutage + "\n",
		"list --jq .[1].origin":                                        "https://shop.example\n",
		"show 0000000b -o ndjson":                                      endedOutage + "\n",
		"show 0000000b --jq .scrapers[0]":                              "news\n",
		"list --open=false --origin http://h --scraper news -o ndjson": openOutage + "\n" + endedOutage + "\n",
	} {
		stdout, stderr, code := invoke(t, append([]string{"outages"}, strings.Fields(args)...)...)
		if stdout != want || code != 0 {
			t.Errorf("%s: exit %d, %s, got\n%s", args, code, stderr, stdout)
		}
	}
	f.asked(t, "GET /api/v1/outages?limit=1&open=true")
	f.asked(t, "GET /api/v1/outages?limit=50&open=false&origin=http%3A%2F%2Fh&scraper=news")
	f.asked(t, "GET /api/v1/outages/0000000b")
	stdout, _, code = invoke(t, "outages", "show", "0000000b")
	for _, want := range []string{"scrapers        news\n", "duration        20m0.04s\n", "runs recovered  1\n", "started         2026-11-22T02:00:00Z\n"} {
		if !strings.Contains(stdout, want) || code != 0 {
			t.Errorf("exit %d, no %q in\n%s", code, want, stdout)
		}
	}
	for args, want := range map[string]int{"list --open=perhaps": 2, "list --limit -1": 2, "show x": 2, "list --since never": 2, "": 2, "list x": 2} {
		if _, stderr, code := invoke(t, append([]string{"outages"}, strings.Fields(args)...)...); code != want || strings.Count(stderr, "\n") == 0 {
			t.Errorf("%s: exit %d, %s", args, code, stderr)
		}
	}
}
