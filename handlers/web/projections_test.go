package web_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/eventstore/feed"
	"scrapelog/handlers/web/webtest"
)

func TestTheLastErrorOfAProjection(t *testing.T) {
	tests := map[string]struct {
		failed feed.Failure
		says   string
	}{
		"none": {feed.Failure{}, "Last error"},
		"one that it got over": {
			feed.Failure{At: webtest.Now.Add(-time.Hour), Position: 101, Times: 4, Reason: errors.ErrUnsupported.Error()},
			errors.ErrUnsupported.Error() + " At event 101, 4 times in a row. It has continued since.",
		},
		"one that it has not": {
			feed.Failure{At: webtest.Now, Position: webtest.Head + 1, Times: 1, Reason: "no such column"},
			"no such column At event " + beyond + ". Retrying.",
		},
		"a database that was away": {feed.Failure{At: webtest.Now, Times: 2, Reason: "connection refused"}, "connection refused Reading the log failed, 2 times in a row."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			s.Failed = test.failed
			says(t, serve(s), "/projections", test.says)
		})
	}
}

var beyond = strconv.FormatInt(webtest.Head+1, 10)

// The System page says first what is worst, and has a section for each part.
func TestTheSystemPage(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*webtest.Service)
		want   string
	}{
		"well":     {func(*webtest.Service) {}, "System: all is well"},
		"blocked":  {func(s *webtest.Service) { s.Blocked = "no such column" }, "System: runs blocked"},
		"unsealed": {func(s *webtest.Service) { s.Sealing.Refused = "event 3 was changed" }, "System: the log is not sealed"},
		"misread":  {func(s *webtest.Service) { s.Misread = "line 3" }, "System: the configuration file is refused"},
		"away":     {func(s *webtest.Service) { s.Gone, s.Blocked = "moved", "no such column" }, "System: the database is away"},
	} {
		s := webtest.New()
		test.change(s)
		doc := document(t, get(serve(s), "/projections"))
		if got := words(doc.Find("h1")); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
		doc.Find(".counts a").Each(func(_ int, a *goquery.Selection) {
			if to := a.AttrOr("href", ""); doc.Find(to).Length() != 1 {
				t.Errorf("%s: there is no section %s", name, to)
			}
		})
		if text := words(doc.Find("section:has(#file)")); !strings.Contains(text, "/etc/scrapelog/scrapelog.yaml") {
			t.Errorf("%s: %q", name, text)
		}
	}
}
