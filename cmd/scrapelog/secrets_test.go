package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// TestSecretsDoNotGetIntoTheLog: a secret where the name of its variable belongs
// is refused by the API, and then stands in no answer, no log and no database.
func TestSecretsDoNotGetIntoTheLog(t *testing.T) {
	db := eventstoretest.SQLite(t)
	scraper := newScraper(t)
	stop := startServer(t, db.URL, scraper.URL)
	server := os.Getenv("SCRAPELOG_SERVER")
	var said bytes.Buffer
	for _, headers := range []string{
		`{"Authorization":"Bearer sk-CANARY"}`, `{"Bearer sk-CANARY":"Authorization"}`, `{"Authorization":["sk-CANARY"]}`,
		`"Authorization: Bearer sk-CANARY"`, `{"Authorization":"sk-CANARY\u0000"}`, `{"Authorization":{"CANARY":1}}`,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server+"/api/v1/scrapers/other",
			strings.NewReader(`{"url":"`+scraper.URL+`","headers_env":`+headers+`}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		said.WriteString("\n" + headers[:1] + " " + ask(t, request, http.StatusBadRequest))
	}
	for _, path := range []string{"/api/v1/scrapers", "/api/v1/events?limit=500", "/scrapers", "/events", "/"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		said.WriteString("\n" + path + " " + ask(t, request, http.StatusOK))
	}
	stdout, stderr, _ := invoke(t, "scrapers", "show", "other")
	said.WriteString(stdout + stderr)
	if code := stop(); code != 0 {
		t.Errorf("serve: exit %d", code)
	}
	files, err := filepath.Glob(strings.TrimPrefix(db.URL, "sqlite:") + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("CANARY")) {
			t.Errorf("the secret is in %s", file)
		}
	}
	if at := strings.Index(said.String(), "CANARY"); at >= 0 {
		t.Errorf("the secret is said: %.300s", said.String()[max(0, at-200):])
	}
}

func ask(t *testing.T, request *http.Request, status int) string {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Errorf("%s %s: %s, %v, %s", request.Method, request.URL.Path, response.Status, err, body)
	}
	return string(body)
}
