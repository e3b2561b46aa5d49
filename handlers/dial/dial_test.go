package dial

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/domain"
)

func config(url string) Target {
	cfg := Target{ScraperConfig: domain.DefaultScraperConfig()}
	cfg.Name, cfg.URL = "shop", url
	return cfg
}

func TestGateway(t *testing.T) {
	gateway := map[int]bool{408: true, 502: true, 503: true, 504: true}
	for status := 100; status < 600; status++ {
		if want := gateway[status] || status >= 520 && status <= 530; Gateway(status) != want {
			t.Errorf("%d: %t, want %t", status, !want, want)
		}
	}
}

// answering starts a scraper that answers every request with status and records the
// requests.
func answering(t *testing.T, status int) (url string, seen <-chan *http.Request) {
	t.Helper()
	requests := make(chan *http.Request, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/scrapes/shop?key=1", requests
}

func TestProbeByHead(t *testing.T) {
	for status, want := range map[int]bool{
		200: true, 204: true, 302: true, 401: true, 404: true, 405: true, 409: true, 429: true, 500: true, 501: true,
		408: false, 502: false, 503: false, 504: false, 520: false, 530: false,
	} {
		url, seen := answering(t, status)
		back, answered, err := Probe(t.Context(), config(url))
		if back != want || !answered || err != nil {
			t.Errorf("%d: back %t, answered %t, %v", status, back, answered, err)
		}
		if r := <-seen; r.Method != http.MethodHead || r.URL.RequestURI() != "/scrapes/shop?key=1" || !r.Close || len(seen) != 0 {
			t.Errorf("%d: asked by %s %s, %d more", status, r.Method, r.URL, len(seen))
		}
	}
}

func TestProbeByURL(t *testing.T) {
	for status, want := range map[int]bool{200: true, 204: true, 299: true, 302: false, 404: false, 500: false, 503: false} {
		url, seen := answering(t, status)
		cfg := config("http://127.0.0.1:1/nobody")
		cfg.Probe.URL = url
		back, answered, err := Probe(t.Context(), cfg)
		if back != want || !answered || err != nil {
			t.Errorf("%d: back %t, answered %t, %v", status, back, answered, err)
		}
		if r := <-seen; r.Method != http.MethodGet {
			t.Errorf("%d: asked by %s", status, r.Method)
		}
	}
}

func TestProbeOfAClosedPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String() + "/?key=canary"
	_ = l.Close()
	back, answered, err := Probe(t.Context(), config(url))
	if back || answered || err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("back %t, answered %t, %v", back, answered, err)
	}
}

// A peer that echoes must not get our request into the log by way of an error.
func TestProbeDoesNotQuoteThePeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	}()
	_, answered, err := Probe(t.Context(), config("http://"+l.Addr().String()+"/?key=canary"))
	if answered || err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("answered %t, %v", answered, err)
	}
}

// A stopped process still accepts connections: only the probe's own timeout ends
// the wait.
func TestProbeOfAHungScraper(t *testing.T) {
	hung := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	defer server.Close()
	defer close(hung)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	back, answered, err := Probe(ctx, config(server.URL))
	if back || answered || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("back %t, answered %t, %v", back, answered, err)
	}
}

func TestProbeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		req, err := probeRequest(t.Context(), config("http://shop.test/"))
		if err != nil {
			t.Fatal(err)
		}
		silent := func(context.Context) (net.Conn, error) {
			client, server := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			return client, nil
		}
		back, answered, err := probe(req, silent, false)
		if took := time.Since(began); back || answered || err == nil || took != probeTimeout {
			t.Errorf("back %t, answered %t, %v after %s", back, answered, err, took)
		}
	})
}

func TestHeadersAreReadAtEachRequest(t *testing.T) {
	cfg := config("http://127.0.0.1:1/")
	cfg.HeadersEnv = map[string]string{"authorization": "SCRAPELOG_TEST_TOKEN"}
	for _, value := range []string{"one", "two", ""} {
		t.Setenv("SCRAPELOG_TEST_TOKEN", value)
		h, err := Headers(cfg)
		if err != nil || h.Get("Authorization") != value {
			t.Errorf("%v, %v", h, err)
		}
	}
}

func TestHeadersThatCannotBeSent(t *testing.T) {
	t.Setenv("SCRAPELOG_TEST_BROKEN", "canary\r\nX-Forged: 1")
	for variable, problem := range map[string]string{"SCRAPELOG_TEST_UNSET": "is not set", "SCRAPELOG_TEST_BROKEN": "no header may carry"} {
		cfg := config("http://127.0.0.1:1/")
		cfg.HeadersEnv = map[string]string{"X-Key": variable}
		_, err := Headers(cfg)
		var refused *HeaderError
		if !errors.As(err, &refused) || !errors.Is(err, domain.ErrInvalid) {
			t.Fatalf("%v", err)
		}
		if text := err.Error(); !strings.Contains(text, variable) || !strings.Contains(text, problem) || strings.Contains(text, "canary") {
			t.Errorf("%q", text)
		}
		if _, _, err := Probe(t.Context(), cfg); !errors.As(err, &refused) {
			t.Errorf("the probe says %v", err)
		}
	}
}

// TestNoNameIsRepeated puts a secret in the place of its variable's name, as an older
// log may have it. The error, which is recorded with the run, must not repeat it.
func TestNoNameIsRepeated(t *testing.T) {
	for _, secret := range []string{"Bearer sk-canary", "canary-1", "${canary}", ""} {
		cfg := config("http://127.0.0.1:1/")
		cfg.HeadersEnv = map[string]string{"X-Key": secret}
		_, err := Headers(cfg)
		if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "header X-Key: headers_env does not name") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

// A probe.url on another origin gets no credentials of the scraper.
func TestProbeKeepsCredentialsAtHome(t *testing.T) {
	t.Setenv("SCRAPELOG_TEST_TOKEN", "canary")
	elsewhere, seenElsewhere := answering(t, 200)
	home, seenHome := answering(t, 200)
	cfg := config(home)
	cfg.HeadersEnv = map[string]string{"X-Key": "SCRAPELOG_TEST_TOKEN"}
	for url, seen := range map[string]<-chan *http.Request{"": seenHome, home: seenHome, elsewhere: seenElsewhere} {
		cfg.Probe.URL = url
		if back, _, err := Probe(t.Context(), cfg); !back {
			t.Fatal(err)
		}
		want := "canary"
		if url == elsewhere {
			want = ""
		}
		if got := (<-seen).Header.Get("X-Key"); got != want {
			t.Errorf("probe %q carries %q, want %q", url, got, want)
		}
	}
}

// An answer from a cache says nothing about the scraper.
func TestAProbeAnsweredByACache(t *testing.T) {
	for _, test := range []struct {
		header string
		back   bool
	}{
		{"Age: 0", true}, {"Age: soon", true}, {"Age: -1", true}, {"Age:", true}, {"Cache-Status: Squid; fwd=miss; stored", true},
		{"X-Varnish: 32770", true}, {"X-Cache: MISS", true}, {"CF-Cache-Status: DYNAMIC", true}, {"X-Cache: Miss from cloudfront", true},
		{"Age: 1", false}, {"age: 12", false}, {"Age: 99999999999999999999", false}, {"Age: 0\r\nAge: 7", false},
		{"Cache-Status: Squid; hit", false}, {"Cache-Status: Origin; fwd=miss, CDN; ttl=30; hit", false},
		{"X-Varnish: 32770 3", false}, {"X-Cache: HIT", false}, {"X-Cache: Hit from cloudfront", false}, {"CF-Cache-Status: HIT", false},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan *http.Request, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			req, _ := http.ReadRequest(bufio.NewReader(conn))
			asked <- req
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+test.header+"\r\nContent-Length: 0\r\n\r\n")
		}()
		back, answered, err := Probe(t.Context(), config("http://"+l.Addr().String()+"/"))
		var cached *CachedError
		if back != test.back || !answered || errors.As(err, &cached) == test.back {
			t.Errorf("%s: back %t, answered %t, %v", test.header, back, answered, err)
		}
		if got := (<-asked).Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("asked with Cache-Control %q", got)
		}
		_ = l.Close()
	}
}

// A status line is an answer, also when nonsense follows it.
func TestAProbeAnsweredByNoProperHTTP(t *testing.T) {
	for answer, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n": true,
		"HTTP/1.1 500 No\r\nbroken\r\n\r\n":                      true,
		"HTTP/1.1 503 No\r\nbroken\r\n\r\n":                      false,
		"HTTP/1.1 OK\r\n\r\n":                                    false,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}
		}()
		cfg := config("http://" + l.Addr().String() + "/")
		var malformed *MalformedError
		if back, answered, err := Probe(t.Context(), cfg); back != want || !answered || !errors.As(err, &malformed) {
			t.Errorf("%q to HEAD: back %t, answered %t, %v", answer, back, answered, err)
		}
		cfg.Probe.URL = cfg.URL
		if back, answered, err := Probe(t.Context(), cfg); back || !answered || !errors.As(err, &malformed) {
			t.Errorf("%q to GET: back %t, answered %t, %v", answer, back, answered, err)
		}
		_ = l.Close()
	}
}
