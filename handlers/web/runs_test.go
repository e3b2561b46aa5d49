package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/handlers/web/webtest"
)

// The query field holds what the URL asks for, in old URLs too, and each term is a chip with a
// link that takes it away.
func TestTheQueryFieldOfRuns(t *testing.T) {
	e := serve(webtest.New())
	for path, want := range map[string]string{
		"/runs":                  "",
		"/runs?q=status:failed":  "status:failed",
		"/runs?status=failed":    "status:failed",
		"/runs?status=&short=":   "",
		"/runs?q=shop&q=&q=news": "shop news",
		"/runs?q=trigger:manual&scraper=shop-prices&since=2026-11-01T00:00": "trigger:manual scraper:shop-prices since:2026-11-01T00:00",
		"/runs?since=2026-11-01+00:00":                                      `since:"2026-11-01 00:00"`,
	} {
		if got := document(t, get(e, path)).Find("input[name=q]").AttrOr("value", "?"); got != want {
			t.Errorf("%s: the field holds %q, want %q", path, got, want)
		}
	}
	doc := document(t, get(e, "/runs?q=scraper:shop-prices+status:completed"))
	chips := doc.Find(".chips li:not(.clear)")
	if text := words(chips); text != "scraper:shop-prices × status:completed ×" && chips.Length() != 2 {
		t.Errorf("chips: %q", text)
	}
	if without, _ := chips.First().Find("a").Attr("href"); without != "/runs?q="+url.QueryEscape("status:completed") {
		t.Errorf("the first chip leads to %s", without)
	}
	doc.Find("tbody tr:not(.day)").Each(func(_ int, row *goquery.Selection) {
		if text := words(row); !strings.Contains(text, "shop-prices") || !strings.Contains(text, "Completed") {
			t.Errorf("under both terms: %s", text)
		}
	})
	if tab, _ := doc.Find(`[aria-label="Status"] [aria-current=true]`).Attr("href"); tab != "/runs?q="+url.QueryEscape("scraper:shop-prices status:completed") {
		t.Errorf("the chosen tab leads to %s", tab)
	}
}

// A wrong term is named beside the field with the word that was probably meant, and the
// others apply.
func TestAWrongTermOfTheQueryField(t *testing.T) {
	w := get(serve(webtest.New()), "/runs?q="+url.QueryEscape("statsu:x status:faild trigger:manual"))
	doc := document(t, w)
	if w.Code != 400 || doc.Find("input[name=q][aria-invalid][aria-describedby=wrong-terms]").Length() != 1 {
		t.Errorf("%d, or the field does not refer to its errors", w.Code)
	}
	said := words(doc.Find("#wrong-terms li"))
	for _, want := range []string{`filter: "statsu:" is not one; did you mean status:?`, `status: "faild" is not a status; did you mean failed?`} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in %q", want, said)
		}
	}
	rows := doc.Find("tbody tr:not(.day)")
	if rows.Length() == 0 || rows.Length() != rows.Find(`td[data-label=Trigger]:contains("manual")`).Length() {
		t.Errorf("%d rows under trigger:manual: %s", rows.Length(), words(rows))
	}
	says(t, serve(webtest.New()), "/runs?q=scraper:shop-pricse", "There is no scraper shop-pricse; did you mean shop-prices?")
}

// A line between the days names them.
func TestDaysOfRuns(t *testing.T) {
	s := webtest.New()
	for i, age := range []int{0, 1, 1, 9, 374} {
		s.Rows[i].StartedAt.Time = webtest.Now.AddDate(0, 0, -age)
	}
	s.Rows = s.Rows[:5]
	days := document(t, get(webtest.Echo(s.Handler(s, func() time.Time { return webtest.Now })), "/runs")).Find(".day").Map(func(_ int, row *goquery.Selection) string { return words(row) })
	if got := strings.Join(days, "; "); got != "Today, Mon 23 Nov 2026; Yesterday, Sun 22 Nov 2026; Sat 14 Nov 2026; Fri 14 Nov 2025" {
		t.Error(got)
	}
}
