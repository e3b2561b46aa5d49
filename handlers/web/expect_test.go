package web_test

import (
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

func TestPagesShowWhatIsMissing(t *testing.T) {
	s := webtest.New()
	for i := range s.Rows {
		if s.Rows[i].ID == webtest.Done {
			none := int64(0)
			s.Rows[i].Items, s.Rows[i].MinItems = &none, 1
		}
	}
	for i := range s.Named {
		s.Named[i].Connection = projections.Connection{State: projections.ConnectionUp}
		if s.Named[i].Name == "weather" {
			s.Named[i].Config.Expect.SuccessWithin = domain.Duration(26 * time.Hour)
			s.Named[i].OverdueSince = projections.Time{Time: webtest.Now.Add(-time.Hour)}
		}
	}
	e := serve(s)
	for path, want := range map[string]string{
		"/runs/" + webtest.Done.String(): "Completed 0 items; at least 1 expected",
		"/runs":                          "Completed 0 items; at least 1 expected",
		"/runs?short=true":               "Completed 0 items; at least 1 expected",
		"/scrapers/weather":              "It is overdue since",
		"/scrapers":                      "Overdue",
		"/":                              "5 scrapers, 1 overdue",
	} {
		text := strings.ReplaceAll(words(document(t, get(e, path)).Find("main")), "\u00a0", " ")
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q: %s", path, want, text)
		}
	}
	list := document(t, get(e, "/runs?short=true")).Find("main")
	if rows := list.Find("tbody tr:not(.day)").Length(); rows != 1 || list.Find(`input[name="q"]`).AttrOr("value", "") != "short:true" {
		t.Errorf("/runs?short=true lists %d runs: %s", rows, words(list))
	}
	tab, _ := list.Find(`[aria-label="Status"] a`).Last().Attr("href")
	if !strings.Contains(tab, "short%3Atrue") {
		t.Errorf("a tab of /runs?short=true leads to %s", tab)
	}
	if w := get(e, "/runs?short=no"); w.Code != 400 || !strings.Contains(w.Body.String(), "use true, or leave it out") {
		t.Errorf("short=no: %d", w.Code)
	}
}
