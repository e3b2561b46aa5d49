package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// received is a notice as a webhook receives it.
type received struct {
	webhookID string
	at        time.Time
	Type      string
	Timestamp time.Time
	Data      struct {
		Title, Text, URL string
		Scrapers         []string
		Events           []struct{ Position int64 }
		Run              *run
		Outage           map[string]any
	}
}

// hook receives notices. Its answers are set by the test.
type hook struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request) bool // false: it takes the notice

	mu   sync.Mutex
	took []received // with repetitions
}

func newHook(t testing.TB, answer func(w http.ResponseWriter, r *http.Request) bool) *hook {
	t.Helper()
	verifier, err := webhooks.NewWebhook(webhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	h := &hook{answer: answer}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || h.answer != nil && h.answer(w, r) {
			return
		}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("a notice does not verify: %v", err)
		}
		n := received{webhookID: r.Header.Get("webhook-id"), at: time.Now()}
		if err := json.Unmarshal(body, &n); err != nil {
			t.Errorf("%v in %s", err, body)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.took = append(h.took, n)
	}))
	t.Cleanup(h.Server.Close)
	return h
}

// notices returns each notice at its first arrival.
func (h *hook) notices() (once []received) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.took {
		if !slices.ContainsFunc(once, func(seen received) bool { return seen.webhookID == n.webhookID }) {
			once = append(once, n)
		}
	}
	return once
}

// arrived is how often a notice has arrived, repetitions included.
func (h *hook) arrived() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.took)
}

func (h *hook) types() (types []string) {
	for _, n := range h.notices() {
		types = append(types, n.Type)
	}
	return types
}

// await waits until the hook has received so many notices.
func (h *hook) await(t testing.TB, n int) []received {
	t.Helper()
	await(t, 30*time.Second, fmt.Sprintf("%d notices", n), func() bool { return len(h.notices()) >= n })
	return h.notices()
}

// failingScraper ends each run with the event that say was given last.
func failingScraper(t testing.TB) (s *httptest.Server, say func(event string)) {
	t.Helper()
	var mu sync.Mutex
	end := "event: completed\ndata: {\"items\": 3}\n\n"
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.WriteString(w, end)
	}))
	t.Cleanup(s.Close)
	return s, func(event string) {
		mu.Lock()
		defer mu.Unlock()
		end = event
	}
}

const (
	saysCompleted = "event: completed\ndata: {\"items\": 3}\n\n"
	saysFailed    = "event: failed\ndata: {\"error\": \"the login page has changed\"}\n\n"
)

// TestAFailingScraperIsToldOfOnce runs a scraper that fails twice and then completes,
// and looks at what the webhook has received.
func TestAFailingScraperIsToldOfOnce(t *testing.T) {
	t.Parallel()
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		hook := newHook(t, nil)
		setenv(t, "OPS_WEBHOOK_URL", hook.URL)
		setenv(t, "OPS_WEBHOOK_SECRET_FILE", write(t, filepath.Join(t.TempDir(), "secret"), webhookSecret+"\n"))
		shop, say := failingScraper(t)
		addr := gatetest.FreeAddress(t)
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(`listen: %s
database: %q
public_url: https://scrapelog.example
notify:
  to:
    - {name: ops, webhook_env: OPS_WEBHOOK_URL, secret_env: OPS_WEBHOOK_SECRET}
    - {name: every-run, webhook_env: OPS_WEBHOOK_URL, secret_env: OPS_WEBHOOK_SECRET, on: [run], scrapers: ["other-*"]}
scrapers:
  - {name: shop, url: %s}
`, addr, db.URL, shop.URL))
		server := start(t, "serve", "--config", config)
		a := api{t, "http://" + addr}
		a.ready()
		for _, end := range []string{saysCompleted, saysFailed, saysFailed, saysCompleted, saysCompleted} {
			say(end)
			a.ended(a.startRun("shop").ID, 30*time.Second)
		}
		told := hook.await(t, 2)
		if got := hook.types(); !slices.Equal(got, []string{"failing.started", "failing.ended"}) {
			t.Fatalf("told of %q", got)
		}
		failed := a.runs("status=failed")[1] // the first of the two
		began := told[0].Data
		if began.Run == nil || began.Run.ID != failed.ID || began.URL != "https://scrapelog.example/runs/"+failed.ID ||
			!slices.Equal(began.Scrapers, []string{"shop"}) || len(began.Events) != 1 || began.Events[0].Position != failed.Position ||
			!strings.Contains(began.Text, "the login page has changed") ||
			!strings.HasSuffix(began.Text, "What it means and what to do: https://scrapelog.example/docs/causes/scraper_error") || began.Title == "" {
			t.Errorf("told %+v", began)
		}
		if !told[0].Timestamp.Equal(failed.EndedAt) {
			t.Errorf("told at %v of a run that ended at %v", told[0].Timestamp, failed.EndedAt)
		}
		if code := server.stop(t); code != 0 {
			t.Errorf("exit %d", code)
		}
		if out := server.out.String(); strings.Contains(out, hook.URL) || strings.Contains(out, webhookSecret) {
			t.Errorf("the log has a secret:\n%s", out)
		}
	})
}
