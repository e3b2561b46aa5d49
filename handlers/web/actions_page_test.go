package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/docs"
	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
)

// What ends or pauses something asks first, on a page of its own with the reason.
func TestTheQuestionBeforeAnAction(t *testing.T) {
	open := "/runs/" + webtest.Open.String()
	tests := map[string]struct{ path, asks, button, form string }{
		"pause":         {"/scrapers/weather/pause", "Pause weather?", "Pause", "/scrapers/weather/pause"},
		"a paused one":  {"/scrapers/news/pause", "Resume news?", "Resume", "/scrapers/news/resume"},
		"cancel":        {open + "/cancel", "Cancel run " + webtest.Open.String()[28:] + " of shop-prices?", "Cancel the run", open + "/cancel"},
		"a part of id":  {"/runs/" + webtest.Open.String()[24:] + "/cancel", "Cancel run " + webtest.Open.String()[28:] + " of shop-prices?", "Cancel the run", open + "/cancel"},
		"no scraper":    {"/scrapers/nope/pause", "Not found", "", ""},
		"no run":        {"/runs/" + webtest.RunID(99).String() + "/cancel", "Not found", "", ""},
		"an ended run":  {"/runs/" + webtest.Done.String() + "/cancel", "", "", ""},
		"what is wrong": {"/scrapers/weather/pause?x=1", "Invalid request", "", ""},
	}
	e := serve(webtest.New())
	for name, test := range tests {
		w := get(e, test.path)
		if test.asks == "" {
			if w.Code != 302 || w.Header().Get("Location") != strings.TrimSuffix(test.path, "/cancel") {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
			continue
		}
		doc := document(t, w)
		sound(t, doc)
		form := doc.Find("main [data-ask] form")
		if asks := words(doc.Find("main h1")); asks != test.asks {
			t.Errorf("%s asks %q", name, asks)
		}
		if test.form != "" && (form.AttrOr("action", "") != test.form || form.Find("input[name=reason]").Length() != 1 || words(form.Find("button")) != test.button) {
			t.Errorf("%s: %s", name, words(form))
		}
	}
}

// An action's page says what was recorded, and offers the way back where there is one.
func TestWhatWasRecordedCanBeUndone(t *testing.T) {
	s := webtest.New()
	about := domain.AboutScraper{Scraper: "news", At: webtest.Now}
	for _, e := range []domain.Event{domain.ScraperPaused{AboutScraper: about}, domain.ScraperResumed{AboutScraper: about}} {
		s.Recorded = append(s.Recorded, webtest.Record(int64(len(s.Recorded))+1, 9, e))
	}
	e := serve(s)
	for path, want := range map[string]struct{ says, undo string }{
		"/scrapers/news?recorded=151": {"news paused · event 151 Undo", "/scrapers/news/resume"},
		"/scrapers/news?recorded=152": {"news resumed · event 152 Undo", "/scrapers/news/pause"},
		"/runs?recorded=1":            {"", ""},
	} {
		doc := document(t, get(e, path))
		notice := doc.Find("main > .notice[role=status]")
		if want.says != "" && words(notice) != want.says || notice.Length() != 1 || notice.Find("form").AttrOr("action", "") != want.undo {
			t.Errorf("%s: %q, undone at %q", path, words(notice), notice.Find("form").AttrOr("action", ""))
		}
		if again := doc.Find("main").AttrOr("hx-get", ""); strings.Contains(again, "recorded") {
			t.Errorf("%s repeats the notice: %s", path, again)
		}
	}
	undo := url.Values{"reason": {"undo of event 151"}}
	post(e, "/scrapers/news/resume", undo)
	if asked, _ := s.Asked(); asked[0] != (domain.ResumeScraper{ToScraper: domain.ToScraper{Scraper: "news"}, By: "user:web", Reason: "undo of event 151"}) {
		t.Errorf("%#v", asked)
	}
}

// The page about keys and the dialog list the same.
func TestTheKeysAreExplained(t *testing.T) {
	doc := document(t, get(serve(webtest.New()), "/docs/keys"))
	listed := doc.Find("#keys-dialog dl > div").Map(func(_ int, key *goquery.Selection) string {
		return strings.Join(strings.Fields(key.Find("dt").Text()), " ") + ": " + key.Find("dd").Text()
	})
	explained := doc.Find("main tbody tr").Map(func(_ int, key *goquery.Selection) string {
		return key.Find("td").First().Text() + ": " + key.Find("td").Last().Text()
	})
	if len(listed) == 0 || strings.Join(listed, "\n") != strings.Join(explained, "\n") {
		t.Errorf("listed:\n%s\n\nexplained:\n%s", strings.Join(listed, "\n"), strings.Join(explained, "\n"))
	}
	if _, ok := docs.Get("keys"); !ok {
		t.Error("no such document")
	}
}
