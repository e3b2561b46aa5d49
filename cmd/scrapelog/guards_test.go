package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeignPagesAndNamesAreRefused asks the assembled server, pages and API
// alike, as a page elsewhere would make a visitor's browser ask.
func TestForeignPagesAndNamesAreRefused(t *testing.T) {
	listen := freeAddr(t)
	a := api{t, "http://" + listen}
	start(t, "serve", "--listen", listen, "--db", "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	a.ready()
	for _, path := range []string{"/", "/runs", "/live?id=tab", "/readyz", "/api/v1/runs", "/nowhere"} {
		if code := a.asked(http.MethodGet, path, func(r *http.Request) { r.Host = "evil.example" }); code != http.StatusForbidden {
			t.Errorf("GET %s under a foreign name: %d", path, code)
		}
	}
	for _, path := range []string{"/scrapers/shop/runs", "/scrapers/shop/pause", "/api/v1/scrapers/shop/runs", "/api/v1/announce"} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			if code := a.asked(http.MethodPost, path, func(r *http.Request) { r.Header.Set(name, value) }); code != http.StatusForbidden {
				t.Errorf("POST %s with %s %s: %d", path, name, value, code)
			}
		}
	}
}

// asked is the status of a request that has been changed before it was sent.
func (a api) asked(method, path string, change func(*http.Request)) int {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader("{}"))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	change(r)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
