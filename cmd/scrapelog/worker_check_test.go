package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hasty is a scraper that takes every order, for so long.
func hasty(t *testing.T, long time.Duration) (url string, orders <-chan string) {
	t.Helper()
	seen := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost {
			return
		}
		seen <- r.Header.Get("Authorization") + " " + string(body)
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(long):
			_, _ = io.WriteString(w, "event: completed\ndata: {\"items\":1}\n\n")
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, seen
}

func TestWorkerCheckTellsWhatIsWrongAndHowToMendIt(t *testing.T) {
	t.Parallel()
	url, _ := hasty(t, 2*time.Second)
	stdout, stderr, code := invoke(t, "worker", "check", url)
	if code != 1 || !strings.Contains(stderr, "of 11 rules are not kept\n") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	for _, line := range []string{
		"RULE        RESULT   SEEN\n",
		"probe       ok       HEAD is answered\n",
		"busy        finding  the second POST was answered 200 OK\n",
		"            fix      answer 409 while a scrape runs",
	} {
		if !strings.Contains(stdout, line) {
			t.Errorf("%q is not in\n%s", line, stdout)
		}
	}
}

func TestWorkerCheckAsJSON(t *testing.T) {
	url, orders := hasty(t, 2*time.Second)
	t.Setenv("SCRAPELOG_TEST_TOKEN", "canary")
	stdout, _, code := invoke(t, "worker", "check", url, "-o", "json", "--header-env", "Authorization=SCRAPELOG_TEST_TOKEN",
		"--scraper", "shop", "--platforms", "alpha,beta", "--params", `{"depth":2}`)
	var verdicts []struct{ Rule, Result, Seen, Fix string }
	if err := json.Unmarshal([]byte(stdout), &verdicts); err != nil || code != 1 || len(verdicts) != 11 {
		t.Fatalf("exit %d, %v: %s", code, err, stdout)
	}
	for _, v := range verdicts {
		if (v.Fix != "") != (v.Result == "finding") || v.Seen == "" {
			t.Errorf("%+v", v)
		}
	}
	if got, want := <-orders, `"scraper":"shop","platforms":["alpha","beta"],"params":{"depth":2}}`; !strings.HasSuffix(got, want) || !strings.HasPrefix(got, "canary ") {
		t.Errorf("asked with %s", got)
	}
}

func TestWorkerCheckThatGetsNoAnswer(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	stdout, stderr, code := invoke(t, "worker", "check", gone.URL)
	if code != 4 || stdout != "" || !strings.Contains(stderr, "the scraper cannot be reached: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	url, _ := hasty(t, time.Minute)
	stdout, stderr, code = invoke(t, "worker", "check", url, "--timeout", "2s")
	if code != 124 || !strings.Contains(stdout, "ending      unseen   the check did not get so far\n") || stderr != "scrapelog: timed out after 2s\n" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
