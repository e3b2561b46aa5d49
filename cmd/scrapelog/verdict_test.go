package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
)

// TestAVerdictSurvivesARestart verifies the log on one server and reads the
// verdict on the next one.
func TestAVerdictSurvivesARestart(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		stop := startServer(t, db.URL, newScraper(t).URL)
		page := os.Getenv("SCRAPELOG_SERVER") + "/audit"
		response, err := http.Post(page+"/verify", "application/x-www-form-urlencoded", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		awaitText(t, page, "<dt>Verified</dt>")
		if code := stop(); code != 0 {
			t.Fatalf("serve: exit %d", code)
		}
		serveHere(t, strings.TrimPrefix(os.Getenv("SCRAPELOG_SERVER"), "http://"))
		awaitText(t, page, "<dt>Verified</dt>")
	})
}

func awaitText(t *testing.T, url, want string) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	var body []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-poll.C {
		response, err := http.Get(url)
		if err != nil {
			continue
		}
		body, _ = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if strings.Contains(string(body), want) {
			return
		}
	}
	t.Fatalf("%s does not say %q: %s", url, want, body)
}
