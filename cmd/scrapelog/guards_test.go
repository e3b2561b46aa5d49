package main_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// TestForeignPagesAndNamesAreRefused asks the assembled server, pages and API
// alike, as a page elsewhere would make a visitor's browser ask.
func TestForeignPagesAndNamesAreRefused(t *testing.T) {
	listen := gatetest.FreeAddress(t)
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
	authority, cert, key := gatetest.New(t), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	authority.Issue(cert, key, 2, time.Now().Add(time.Hour))
	for name, text := range map[string]string{"tls": "tls: {cert: " + cert + ", key: " + key + "}\n", "a proxy": "trusted_proxies: [10.0.0.0/8]\n"} {
		file := write(t, filepath.Join(dir, "encrypted.yaml"), "listen: 0.0.0.0:0\n"+text)
		if _, errs, code := command(t, "serve", "--config", file, "--db", database); code != 2 || !strings.Contains(errs, "scrapelog users add NAME --role admin --db "+database) {
			t.Errorf("%s without an admin: %d %s", name, code, errs)
		}
		if _, errs, code := command(t, "config", "check", file); code != 0 {
			t.Errorf("checking %s: %d %s", name, code, errs)
		}
	}
	for wrong, want := range map[string]string{
		"tls: {cert: " + cert + "}": "tls.key: is missing beside tls.cert", "tls: {cert: " + cert + ", key: " + authority.File + "}": "PEM",
		"tls: {cert: /nowhere, key: " + key + "}": "/nowhere: no such file", "trusted_proxies: [proxy]": `trusted_proxies[0]: "proxy" is not a network`,
	} {
		file := write(t, filepath.Join(dir, "wrong.yaml"), wrong+"\n")
		if _, errs, code := command(t, "serve", "--config", file, "--db", database, "--listen", "127.0.0.1:0"); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s", wrong, code, errs)
		}
	}
	meant := write(t, filepath.Join(dir, "meant.yaml"), "listen: 0.0.0.0:8080\nlisten_without_logins: true\n")
	if out, errs, code := command(t, "config", "check", meant); code != 0 {
		t.Errorf("%d %s %s", code, out, errs)
	}
}

// A name that a proxy passes on is answered when the configuration holds it.
func TestHostsThatAreConfigured(t *testing.T) {
	dir, listen := t.TempDir(), gatetest.FreeAddress(t)
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
