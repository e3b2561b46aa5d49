package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/docs"
	"scrapelog/handlers/web/webtest"
)

// The page of a server without scrapers has the files of docs/examples, and the command that
// adds a scraper to the server as the reader reaches it.
func TestTheFirstScraper(t *testing.T) {
	for _, path := range []string{"/", "/scrapers"} {
		r := httptest.NewRequest(http.MethodGet, "http://scrapelog.example:8443"+path, nil)
		doc := document(t, ask(serve(webtest.Empty()), r))
		sound(t, doc)
		tabs := doc.Find(".tabset > label").Map(func(_ int, tab *goquery.Selection) string { return tab.Text() })
		if strings.Join(tabs, " ") != "Command Python Node Go Scrapy" || doc.Find(".tabset > input[type=radio][checked]").Length() != 1 {
			t.Errorf("%s has the tabs %v", path, tabs)
		}
		doc.Find(".panel").Each(func(i int, panel *goquery.Selection) {
			copied := panel.Find("[data-copy]").Map(func(_ int, b *goquery.Selection) string { return b.AttrOr("data-copy", "") })
			shown := panel.Find("pre").Map(func(_ int, pre *goquery.Selection) string { return pre.Text() })
			if len(copied) < 3 || strings.Join(copied, "\n") != strings.Join(shown, "\n") {
				t.Errorf("%s: %d copies of %d files", tabs[i], len(copied), len(shown))
			}
			if add := copied[len(copied)-1]; !strings.Contains(add, "curl -sSf -X PUT http://scrapelog.example:8443/api/v1/scrapers/products ") {
				t.Errorf("%s: %s", tabs[i], add)
			}
		})
		if !strings.Contains(doc.Find(".panel pre").Text(), docs.Example("scraper.py")) || !strings.Contains(words(doc.Find(".empty")), "Waiting for the first run") {
			t.Error(path, "lacks scraper.py, or does not wait")
		}
	}
}

// A host that would do more than name a host in a command is not shown.
func TestTheAddressOfTheServerIsOnlyAnAddress(t *testing.T) {
	for host, want := range map[string]string{
		"[::1]:8080": "http://[::1]:8080/", "$(reboot)": "http://127.0.0.1:8080/", "a'b": "http://127.0.0.1:8080/", "a;b": "http://127.0.0.1:8080/", "a b": "http://127.0.0.1:8080/",
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.Host = host
		add := document(t, ask(serve(webtest.Empty()), r)).Find(".panel pre").Last().Text()
		if !strings.Contains(add, "PUT "+want) {
			t.Errorf("%q: %s", host, add)
		}
	}
}
