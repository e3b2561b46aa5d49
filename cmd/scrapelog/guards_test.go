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

func TestServeRefusesToLetOtherMachinesIn(t *testing.T) {
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "test.db")
	open := write(t, filepath.Join(dir, "open.yaml"), "listen: 0.0.0.0:0\n")
	for _, args := range [][]string{
		{"serve", "--listen", "0.0.0.0:0", "--db", database}, {"serve", "--config", open, "--db", database},
		{"demo", "--listen", ":0", "--data", filepath.Join(dir, "demo")}, {"config", "check", open},
	} {
		_, errs, code := command(t, args...)
		if code != 2 || !strings.Contains(errs, "--listen-without-logins") || strings.Count(strings.TrimSpace(errs), "\n") > 0 {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
	meant := write(t, filepath.Join(dir, "meant.yaml"), "listen: 0.0.0.0:8080\nlisten_without_logins: true\n")
	if out, errs, code := command(t, "config", "check", meant); code != 0 {
		t.Errorf("%d %s %s", code, out, errs)
	}
}

// A name that a proxy passes on is answered when the configuration holds it.
func TestHostsThatAreConfigured(t *testing.T) {
	dir, listen := t.TempDir(), freeAddr(t)
	config := write(t, filepath.Join(dir, "scrapelog.yaml"), "hosts: [scrapes.example]\n")
	start(t, "serve", "--config", config, "--listen", listen, "--db", "sqlite:"+filepath.Join(dir, "test.db"))
	a := api{t, "http://" + listen}
	a.ready()
	for host, want := range map[string]int{"scrapes.example": 200, "scrapes.example:443": 200, "other.example": 403} {
		if code := a.asked(http.MethodGet, "/", func(r *http.Request) { r.Host = host }); code != want {
			t.Errorf("%s: %d, want %d", host, code, want)
		}
	}
	for _, bad := range []string{"https://x.example", "x.example:80", `""`} {
		if _, errs, code := command(t, "config", "check", write(t, filepath.Join(dir, "bad.yaml"), "hosts: ["+bad+"]\n")); code != 2 || !strings.Contains(errs, "hosts") {
			t.Errorf("%s: %d %s", bad, code, errs)
		}
	}
}
