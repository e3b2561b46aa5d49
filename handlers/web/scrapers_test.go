package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
)

func TestScrapersInRows(t *testing.T) {
	s := webtest.New()
	s.Named[4].Config.URL = "http://127.0.0.1:9191/scrapes/weather"
	doc := document(t, get(serve(s), "/scrapers"))
	groups := doc.Find(".day").Map(func(_ int, g *goquery.Selection) string { return words(g) })
	if got := strings.Join(groups, "; "); got != "http://127.0.0.1:9090 · 4 scrapers, 1 lost; http://127.0.0.1:9191 · 1 scraper" {
		t.Errorf("groups: %s", got)
	}
	for name, want := range map[string][]string{
		"news":        {"paused by user:web: <script>", "Paused"},
		"reviews":     {"after recovery", "Lost", "every 15 min"},
		"shop-prices": {"Follow the run", "81.6 %"},
		"weather":     {"never ran"},
	} {
		row := strings.ReplaceAll(words(doc.Find("#row-"+name)), "\u00a0", " ")
		for _, text := range want {
			if !strings.Contains(row, text) {
				t.Errorf("%s does not say %q: %s", name, text, row)
			}
		}
	}
	if label := doc.Find("#row-shop-prices svg[role=img]").AttrOr("aria-label", ""); !strings.HasPrefix(label, "The last ") || !strings.Contains(label, "lost") {
		t.Errorf("the bars say %q", label)
	}
	if n := doc.Find(`input[type=checkbox][form=selected][data-key=x]`).Length(); n != len(s.Named) {
		t.Errorf("%d boxes", n)
	}
}

// One request does the same with each selected scraper, and says of each what happened.
func TestSelectedScrapers(t *testing.T) {
	s := webtest.New()
	w := post(serve(s), "/scrapers", url.Values{"scraper": {"news", "weather"}, "do": {"pause"}, "reason": {"sale"}})
	asked, _ := s.Asked()
	if len(asked) != 2 || asked[1].(domain.PauseScraper).Scraper != "weather" || asked[1].(domain.PauseScraper).Reason != "sale" {
		t.Errorf("asked %+v", asked)
	}
	doc := document(t, w)
	if rows := doc.Find("tbody tr"); w.Code != 200 || w.Header().Get("X-Log-Position") == "" || rows.Length() != 2 || rows.Find(`a[href^="/events/"]`).Length() != 2 {
		t.Errorf("%d: %s", w.Code, words(doc.Find("main")))
	}
	if undo := doc.Find(`form[action="/scrapers"]`); undo.Find("input[name=scraper]").Length() != 2 || undo.Find("button").AttrOr("value", "") != "resume" {
		t.Error("there is no way back")
	}
	s.Refusal = domain.ErrConflict
	if text := words(document(t, post(serve(s), "/scrapers", url.Values{"scraper": {"news"}, "do": {"run"}})).Find("main")); !strings.Contains(text, "0 of 1 scraper started") || !strings.Contains(text, "Refused") {
		t.Errorf("refused: %s", text)
	}
	for name, form := range map[string]url.Values{
		"no scraper is selected": {"do": {"pause"}}, "use pause, resume or run": {"scraper": {"news"}, "do": {"delete"}},
		"select at most 100": {"scraper": make([]string, 101), "do": {"pause"}},
	} {
		if w := post(serve(webtest.New()), "/scrapers", form); w.Code != 400 || !strings.Contains(w.Body.String(), name) {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
