package api_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/api"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var anyID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// TestProblemsReadAsTheyDid freezes what clients and people are told.
func TestProblemsReadAsTheyDid(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for _, name := range []string{"shop", "paused", "done"} {
		s.configure(name)
	}
	managed("by-file", "")(s)
	open, done := s.run("shop"), s.run("done")
	s.command(domain.ReportCompleted{ToRun: domain.ToRun{RunID: uuid.MustParse(done)}})
	s.expect(200, "POST", "/api/v1/scrapers/paused/pause", "")
	s.is(api.Readiness{Reasons: []string{"projection runs is 9 s behind"}})
	requests := [][3]string{
		{"GET", "/api/v1/none", ""},
		{"GET", "/api/v1/announce", ""},
		{"GET", "/api/v1/scrapers/none", ""},
		{"GET", "/api/v1/runs/seven", ""},
		{"GET", "/api/v1/runs/" + uuid.Nil.String(), ""},
		{"GET", "/api/v1/runs?limit=501", ""},
		{"GET", "/api/v1/runs?status=lost", ""},
		{"GET", "/api/v1/runs?since=yesterday", ""},
		{"GET", "/api/v1/runs?cursor=x", ""},
		{"GET", "/api/v1/events/99", ""},
		{"GET", "/api/v1/events?stream=%00", ""},
		{"PUT", "/api/v1/scrapers/SHOP", shop},
		{"PUT", "/api/v1/scrapers/shop", `{"name":"other"}`},
		{"PUT", "/api/v1/scrapers/shop", `{}`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":"http://h/","uri":"x"}`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":"http://h/","recovery":{"enabled":"yes"}}`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":"http://h/","idle_timeout":"soon"}`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":"http://h/","probe":{"interval":"1ms"}}`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":"http://h/","probe":{"url":"http://h/","interval":"5 s"}}`},
		{"PUT", "/api/v1/scrapers/shop", `{"url":"http://h/?key=1"}`},
		{"PUT", "/api/v1/scrapers/by-file", shop},
		{"POST", "/api/v1/scrapers/shop/runs", ""},
		{"POST", "/api/v1/scrapers/paused/runs", ""},
		{"POST", "/api/v1/scrapers/shop/runs", `{"attach":"two words"}`},
		{"POST", "/api/v1/runs/" + done + "/cancel", ""},
		{"POST", "/api/v1/announce", `{}`},
		{"GET", "/readyz", ""},
	}
	var got strings.Builder
	for _, r := range requests {
		a := s.do(r[0], r[1], r[2])
		text := strings.ReplaceAll(string(a.body), open, "<the open run>")
		fmt.Fprintf(&got, "%s %s %s\n%d %s\n", r[0], anyID.ReplaceAllString(r[1], "<id>"), r[2], a.status, anyID.ReplaceAllString(text, "<id>"))
	}
	const file = "testdata/problems.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
