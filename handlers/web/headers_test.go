package web_test

import (
	"strings"
	"testing"

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
