package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// keyhole is a scraper that keeps what it was sent as X-Key.
type keyhole struct {
	*httptest.Server
	mu   sync.Mutex
	keys []string
}

func newKeyhole(t *testing.T) *keyhole {
	t.Helper()
	k := &keyhole{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		k.mu.Lock()
		k.keys = append(k.keys, r.Method+" "+r.Header.Get("X-Key"))
		k.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: completed\ndata: {\"items\":1}\n\n")
	}))
	t.Cleanup(k.Close)
	return k
}

// seen returns what was sent since the last call.
func (k *keyhole) seen() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer func() { k.keys = nil }()
	return strings.Join(k.keys, ", ")
}

// put makes a scraper through the API and returns the answer.
func (a api) put(name, config string) (status int, body string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPut, a.base+"/api/v1/scrapers/"+name, strings.NewReader(config))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	_, _ = io.Copy(&text, resp.Body)
	return resp.StatusCode, text.String()
}

// served starts a server with this configuration file.
func served(t *testing.T, listen, config string, flags ...string) (a api, p *process, path string) {
	t.Helper()
	dir := t.TempDir()
	path = write(t, filepath.Join(dir, "scrapelog.yaml"), config)
	args := append([]string{"serve", "--config", path, "--listen", listen, "--db", "sqlite:" + filepath.Join(dir, "log.db")}, flags...)
	p = start(t, args...)
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	a = api{t, "http://127.0.0.1:" + port}
	a.ready()
	return a, p, path
}

// ends is how a run of a scraper ends, in the words of the API.
func (a api) ends(scraper string) string {
	a.t.Helper()
	r := a.ended(a.startRun(scraper).ID, 30*time.Second)
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Status, r.Code, r.Detail))
}

// TestAScraperOfTheAPISendsOnlyListedVariables: and each only to its hosts, also when
// the list was changed since. One of the file sends what it likes.
func TestAScraperOfTheAPISendsOnlyListedVariables(t *testing.T) {
	t.Setenv("SHOP_TOKEN", "token-canary")
	t.Setenv("ANY_OTHER", "other-canary")
	k := newKeyhole(t)
	host := strings.TrimPrefix(k.URL, "http://")
	config := func(secrets string) string {
		return fmt.Sprintf("secrets: %s\nscrapers:\n  - {name: of-the-file, url: '%s', headers_env: {X-Key: ANY_OTHER}}\n", secrets, k.URL)
	}
	a, p, path := served(t, gatetest.FreeAddress(t), config("{SHOP_TOKEN: ['"+host+"'], ELSEWHERE: [shop.example]}"))

	body := func(url, variable string) string {
		return fmt.Sprintf(`{"url":%q,"headers_env":{"X-Key":%q}}`, url, variable)
	}
	for name, refused := range map[string]string{
		"a variable that is not listed":    body(k.URL, "ANY_OTHER"),
		"one that every process has":       body(k.URL, "PATH"),
		"the service's own":                body(k.URL, "SCRAPELOG_DB"),
		"one that is not set either":       body(k.URL, "NOT_SET"),
		"a listed one, to another host":    body(k.URL, "ELSEWHERE"),
		"a listed one, to another port":    body("http://127.0.0.1:1/", "SHOP_TOKEN"),
		"a listed one, by another name":    body(strings.Replace(k.URL, "127.0.0.1", "localhost", 1), "SHOP_TOKEN"),
		"a listed one, and another beside": fmt.Sprintf(`{"url":%q,"headers_env":{"X-Key":"SHOP_TOKEN","X-Other":"ANY_OTHER"}}`, k.URL),
	} {
		status, text := a.put("of-the-api", refused)
		if status != http.StatusBadRequest || !strings.Contains(text, "headers_env") || !strings.Contains(text, "secrets") || strings.Contains(text, "ANY_OTHER") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := a.put("of-the-api", body(k.URL, "SHOP_TOKEN")); status != http.StatusCreated {
		t.Fatalf("a listed one: %d %s", status, text)
	}
	if end := a.ends("of-the-api"); end != "completed" || k.seen() != "POST token-canary" {
		t.Errorf("a listed one: %s", end)
	}
	if end := a.ends("of-the-file"); end != "completed" || k.seen() != "POST other-canary" {
		t.Errorf("a scraper of the file: %s", end)
	}

	write(t, path, config("{}"))
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, 30*time.Second, "the file is read again", func() bool { return strings.Contains(p.out.String(), "configuration file applied") })
	end := a.ends("of-the-api")
	if !strings.HasPrefix(end, "failed rejected not sent: headers_env: the variable for X-Key may not be sent to "+host) || k.seen() != "" {
		t.Errorf("one that is listed no more: %s", end)
	}
}

// warnsOfOthers says whether a page warns that there are no logins.
func (a api) warnsOfOthers(path string) bool {
	a.t.Helper()
	res, err := http.Get(a.base + path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return strings.Contains(string(page), `id="without-logins"`)
}

// TestWhereScrapersMayNotGo: metadata, our own listener, and this machine for those
// who come from elsewhere.
func TestWhereScrapersMayNotGo(t *testing.T) {
	k := newKeyhole(t)
	other := newKeyhole(t)
	config := fmt.Sprintf("scrapers:\n  - {name: of-the-file, url: '%s'}\n  - {name: metadata, url: 'http://169.254.169.254/latest'}\n", k.URL)
	for name, test := range map[string]struct {
		host    string // to listen at
		config  string
		flags   []string
		private bool // scrapers of the API reach this machine
	}{
		"listening on loopback":             {"127.0.0.1", "", nil, true},
		"listening for others":              {"0.0.0.0", "", []string{"--listen-without-logins"}, false},
		"listening for others, and allowed": {"0.0.0.0", "egress: {allow: [127.0.0.0/8]}\n", []string{"--listen-without-logins"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, port, _ := net.SplitHostPort(gatetest.FreeAddress(t))
			a, _, _ := served(t, test.host+":"+port, test.config+config, test.flags...)
			if wide := test.host == "0.0.0.0"; a.warnsOfOthers("/runs") != wide {
				t.Errorf("listening at %s, the pages warn of others: %t", test.host, !wide)
			}
			for scraper, url := range map[string]string{"of-the-api": other.URL, "metadata-api": "http://[::ffff:169.254.169.254]/", "own": a.base, "own-by-name": "http://localhost:" + port + "/", "decimal": "http://2852039166/", "by-name": "http://metadata.google.internal/"} {
				if status, text := a.put(scraper, fmt.Sprintf(`{"url":%q}`, url)); status != http.StatusCreated {
					t.Fatalf("%s: %d %s", scraper, status, text)
				}
			}
			want := map[string]string{
				"of-the-file":  "completed",
				"of-the-api":   "completed",
				"metadata":     "failed rejected not sent: the egress rules refuse the address 169.254.169.254: it is link-local",
				"metadata-api": "failed rejected not sent: the egress rules refuse the address 169.254.169.254: it is link-local",
				"decimal":      `failed rejected not sent: the egress rules refuse the host "2852039166": it ends in a number`,
				"by-name":      `failed rejected not sent: the egress rules refuse the host "metadata.google.internal": a cloud keeps credentials there`,
				"own":          "failed rejected not sent: the egress rules refuse the address 127.0.0.1: scrapelog itself listens there",
				"own-by-name":  "failed rejected not sent: the egress rules refuse the address ",
			}
			if !test.private {
				want["of-the-api"] = "failed rejected not sent: the egress rules refuse the address 127.0.0.1: it is not on the internet"
			}
			for scraper, end := range want {
				if got := a.ends(scraper); !strings.HasPrefix(got, end) {
					t.Errorf("%s ended as %s, want %s", scraper, got, end)
				}
			}
			if asked := other.seen() != ""; asked != test.private {
				t.Errorf("the scraper of the API was asked: %t", asked)
			}
		})
	}
}

// A denial in egress.deny holds for the scrapers of the file too.
func TestADeniedNetwork(t *testing.T) {
	k := newKeyhole(t)
	a, _, _ := served(t, gatetest.FreeAddress(t), fmt.Sprintf("egress: {deny: [127.0.0.0/8]}\nscrapers:\n  - {name: of-the-file, url: '%s'}\n", k.URL))
	if got := a.ends("of-the-file"); !strings.Contains(got, "it is in egress.deny") || k.seen() != "" {
		t.Errorf("ended as %s", got)
	}
}
