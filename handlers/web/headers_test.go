package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"scrapelog/handlers/web/webtest"
)

func TestHeaders(t *testing.T) {
	e := serve(webtest.New())
	for _, path := range []string{"/", "/nope", "/assets/app.js"} {
		header := get(e, path).Header()
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, header)
		}
	}
}

func TestAPageIsNeverShownOld(t *testing.T) {
	if got := get(serve(webtest.New()), "/").Header().Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("Cache-Control: %q", got)
	}
}

func TestNamedAssetsAreKeptForEver(t *testing.T) {
	e := serve(webtest.New())
	src, _ := document(t, get(e, "/")).Find("script").First().Attr("src")
	w := get(e, src)
	if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
		t.Errorf("%s: %d %v", src, w.Code, w.Header())
	}
	if again := get(e, "/assets/app.js?v=old"); again.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("an old version: %v", again.Header())
	}
}

// What the first page loads beside itself is at most 140 KB as it is sent, fonts included.
func TestTheFirstPageIsSmall(t *testing.T) {
	e := serve(webtest.New())
	page := document(t, get(e, "/"))
	paths := []string{"/assets/inter.woff2", "/assets/jetbrains-mono.woff2"}
	page.Find("script[src], link[rel=stylesheet], link[rel=icon]").Each(func(_ int, s *goquery.Selection) {
		paths = append(paths, s.AttrOr("src", s.AttrOr("href", "")))
	})
	paths = append(paths, strings.SplitN(page.Find("use").First().AttrOr("href", ""), "#", 2)[0])
	size := 0
	for _, path := range paths {
		r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		r.Header.Set("Accept-Encoding", "gzip, br")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		size += w.Body.Len()
		t.Log(path, w.Body.Len())
		if w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w.Header().Get("Content-Encoding") != "gzip" {
			continue
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(path, err)
		}
		if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, get(e, path).Body.Bytes()) {
			t.Errorf("%s is another text when it is compressed: %v", path, err)
		}
	}
	if t.Log(size); size > 140<<10 {
		t.Errorf("the first page loads %d KB", size>>10)
	}
}
