package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/sign"
)

const orderSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// sends an order whose headers change has seen after they were signed.
func sends(t *testing.T, url, id string, at time.Time, change func(http.Header)) (status int, body string) {
	t.Helper()
	text := []byte(`{"run_id":"` + id + `"}`)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(text))
	req.Header.Set("Content-Type", "application/json")
	if err := sign.Headers(req.Header, "TEST_ORDER_SECRET", id, at, text); err != nil {
		t.Fatal(err)
	}
	change(req.Header)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(said)
}

func TestOnlySignedOrdersStartAScrape(t *testing.T) {
	t.Setenv("TEST_ORDER_SECRET", orderSecret)
	t.Setenv("TEST_WORKER_SECRET", "whsec_plJ3nmyCDGBKInavdOK15jsl "+orderSecret)
	cfg := commandConfig("echo", "row")
	cfg.SecretEnv = "TEST_WORKER_SECRET"
	base, _ := serve(t, cfg)
	job, asIs := base+"/scrapes/job", func(http.Header) {}
	without := func(name string) func(http.Header) { return func(h http.Header) { h.Del(name) } }
	for _, tt := range []struct {
		name, id string
		at       time.Time
		change   func(http.Header)
		status   int
		says     string
	}{
		{"signed", "r1", time.Now(), asIs, 200, "event: completed"},
		{"the same again", "r1", time.Now(), asIs, 401, "has come before"},
		{"the same id signed again", "r1", time.Now().Add(time.Second), asIs, 401, "has come before"},
		{"unsigned", "r2", time.Now(), without("webhook-signature"), 401, "not signed"},
		{"without an id", "r3", time.Now(), without("webhook-id"), 401, "not signed"},
		{"six minutes old", "r4", time.Now().Add(-6 * time.Minute), asIs, 401, "compare the clocks"},
		{"another's signature", "r5", time.Now(), func(h http.Header) { h.Set("webhook-signature", "v1,"+strings.Repeat("A", 43)+"=") }, 401, "same secret"},
		{"signed, later", "r6", time.Now(), asIs, 200, "event: completed"},
	} {
		if status, body := sends(t, job, tt.id, tt.at, tt.change); status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s, want %d with %q", tt.name, status, body, tt.status, tt.says)
		}
	}
	if status, _ := sends(t, base+"/scrapes/unknown", "r7", time.Now(), without("webhook-signature")); status != 401 {
		t.Errorf("who may not order learns which scrapes there are: %d", status)
	}
	resp, err := http.Head(job)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("a probe, which is not signed: %v %v", resp, err)
	}
	t.Setenv("TEST_WORKER_SECRET", "")
	if status, body := sends(t, job, "r8", time.Now(), asIs); status != 500 || strings.Contains(body, "SECRET") {
		t.Errorf("a worker that lost its secret: %d %s", status, body)
	}
}

func TestAWorkerThatVerifiesMayBeReached(t *testing.T) {
	t.Setenv("TEST_WORKER_SECRET", orderSecret)
	for name, tt := range map[string]struct {
		change func(*Config)
		says   string // empty: it starts
	}{
		"with a secret":          {func(c *Config) { c.SecretEnv = "TEST_WORKER_SECRET" }, ""},
		"without":                {func(*Config) {}, "add secret_env here and sign_env to the scraper"},
		"with one that is unset": {func(c *Config) { c.SecretEnv = "TEST_UNSET_SECRET" }, "secret_env: environment variable TEST_UNSET_SECRET is not set"},
		"with the secret itself": {func(c *Config) { c.SecretEnv = orderSecret }, "secret_env: is not the name of an environment variable"},
		"a token that is unset":  {func(c *Config) { c.AnnounceTokenEnv, c.Announce = "TEST_UNSET", "https://h/" }, "announce_token_env: environment variable TEST_UNSET is not set"},
		"a token for no server":  {func(c *Config) { c.AnnounceTokenEnv = "TEST_UNSET" }, "announce_token_env: is a token for no server"},
		"a token in the clear": {func(c *Config) {
			c.AnnounceTokenEnv, c.Announce = "TEST_WORKER_SECRET", "http://scrapelog.example/api/v1/announce"
		},
			"announce: would send the token unencrypted"},
	} {
		cfg := commandConfig("true")
		cfg.Listen, cfg.Beat = "0.0.0.0:0", DefaultConfig().Beat
		tt.change(&cfg)
		_, err := New(cfg, slog.New(slog.DiscardHandler))
		if tt.says == "" && err != nil || tt.says != "" && (!errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), orderSecret)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any machine can send orders that are refused, and none of them fills the log.
func TestRefusedOrdersAreLoggedOnceAMinute(t *testing.T) {
	var logged bytes.Buffer
	var c complaints
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	for range 1000 {
		c.log(logger, errors.New("unsigned"))
	}
	c.said = c.said.Add(-time.Minute)
	c.log(logger, errors.New("unsigned"))
	if text := logged.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "times=1\n") || !strings.Contains(text, "times=1000\n") {
		t.Errorf("%s", text)
	}
}

func TestAWorkerAnnouncesItselfWithItsToken(t *testing.T) {
	t.Setenv("TEST_ANNOUNCE_TOKEN", "slg_1_2_3")
	heard := make(chan string, 10)
	var denied atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if denied.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusUnauthorized)
		}
		heard <- r.Header.Get("Authorization")
	}))
	defer server.Close()
	cfg := commandConfig("true")
	cfg.Listen, cfg.Beat = "127.0.0.1:0", DefaultConfig().Beat
	cfg.Announce, cfg.AnnounceTokenEnv = server.URL, "TEST_ANNOUNCE_TOKEN"
	logged := &lockedBuffer{}
	w, err := New(cfg, slog.New(slog.NewTextHandler(logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := w.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, w, ln)
	for range 2 {
		select {
		case got := <-heard:
			if got != "Bearer slg_1_2_3" {
				t.Fatalf("Authorization: %s", got)
			}
		case <-time.After(patience):
			t.Fatal("not announced")
		}
	}
	eventually(t, "it says why it was not heard", func() bool { return strings.Contains(logged.String(), "scrapelog tokens add NAME --role announce") })
}

type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(b.text.String())
}
