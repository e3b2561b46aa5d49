package shops_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/cmd/scrapelog/demo/shops"
)

func get(t *testing.T, site http.Handler, path string) (int, *goquery.Document) {
	t.Helper()
	rec := httptest.NewRecorder()
	site.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
	doc, err := goquery.NewDocumentFromReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Code, doc
}

// Every link of the site is followed: none is dead, and every product is met once.
func TestAWalkThroughTheShopsMeetsEveryProductOnce(t *testing.T) {
	site := shops.New(shops.Config{})
	met, seen := map[string]int{}, map[string]bool{"/": true}
	for todo := []string{"/"}; len(todo) > 0; {
		path := todo[0]
		todo = todo[1:]
		code, doc := get(t, site, path)
		if code != http.StatusOK || strings.TrimSpace(doc.Find("title").Text()) == "" {
			t.Errorf("%s answers %d, titled %q", path, code, doc.Find("title").Text())
		}
		doc.Find("li.product").Each(func(_ int, s *goquery.Selection) {
			met[s.AttrOr("data-sku", "?")]++
			if s.Find("h2").Text() == "" || !strings.HasPrefix(s.Find(".price").Text(), "€") || s.Find(".stock").Text() == "" {
				t.Errorf("%s: incomplete: %s", path, s.Text())
			}
		})
		doc.Find("a[href]").Each(func(_ int, s *goquery.Selection) {
			if to := s.AttrOr("href", ""); !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		})
	}
	for shop, want := range map[string]int{"alder": 18, "birch": 24, "cedar": 60} {
		for i := range want {
			if sku := fmt.Sprintf("%s-%03d", shop, i+1); met[sku] != 1 {
				t.Errorf("%s was met %d times", sku, met[sku])
			}
		}
	}
	if len(met) != 102 {
		t.Errorf("%d products", len(met))
	}
}

func TestWhatIsNotThere(t *testing.T) {
	site := shops.New(shops.Config{})
	for _, path := range []string{"/elm/", "/alder/page/0", "/alder/page/1", "/alder/page/4", "/alder/page/x", "/alder/product/birch-001"} {
		if code, _ := get(t, site, path); code != http.StatusNotFound {
			t.Errorf("%s answers %d", path, code)
		}
	}
}

func TestCrawlersAreKeptOutOfTheBasket(t *testing.T) {
	_, doc := get(t, shops.New(shops.Config{}), "/robots.txt")
	if text := doc.Text(); text != "User-agent: *\nDisallow: /basket\n" {
		t.Errorf("robots.txt = %q", text)
	}
}

func TestOnlyCedarIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := shops.New(shops.Config{Delay: 2 * time.Second})
		for path, want := range map[string]time.Duration{"/alder/": 0, "/birch/page/2": 0, "/cedar/": 2 * time.Second, "/cedar/page/9": 2 * time.Second} {
			started := time.Now()
			if code, _ := get(t, site, path); code != http.StatusOK {
				t.Errorf("%s answers %d", path, code)
			}
			if took := time.Since(started); took != want {
				t.Errorf("%s took %s, want %s", path, took, want)
			}
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		started := time.Now()
		site.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/cedar/", nil))
		if took := time.Since(started); took != time.Second {
			t.Errorf("cedar held a client that had left for %s", took)
		}
	})
}
