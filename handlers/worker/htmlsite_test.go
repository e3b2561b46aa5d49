package worker

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// crawled is how a scrape of a site ended, and what it kept.
type crawled struct {
	kind    string // completed or failed
	items   int64
	note    string
	error   string
	records []record
}

// crawlSite scrapes a site from "/" on and waits for the end. The item is "li", its
// one field "t" is the item's text, and next is "a.next", unless tweak changes that.
func crawlSite(t *testing.T, site http.Handler, tweak func(h *HTML, base string)) crawled {
	t.Helper()
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	h := shopScrape(t, server.URL+"/")
	h.Item, h.Fields, h.Next = "li", map[string]string{"t": "."}, "a.next"
	if tweak != nil {
		tweak(h, server.URL)
	}
	resp, _ := post(t, serveHTML(t, h), Order{RunID: "r1"})
	kind, data, _ := outcome(t, resp)
	got := crawled{kind: kind}
	var end struct {
		Items int64
		Note  string
		Error string
	}
	if err := json.Unmarshal([]byte(data), &end); err != nil {
		t.Fatalf("%s %s: %v", kind, data, err)
	}
	got.items, got.note, got.error = end.Items, end.Note, end.Error
	if _, err := os.Stat(h.Output); !errors.Is(err, os.ErrNotExist) {
		got.records = records(t, h.Output)
	}
	return got
}

// texts are the values of the field "t", in the order of the output.
func (c crawled) texts() (all []string) {
	for _, r := range c.records {
		all = append(all, r.Fields["t"])
	}
	return all
}

// routes serves what is given by path, and 404 for the rest, robots.txt included.
type routes map[string]http.HandlerFunc

func (r routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if serve, known := r[req.URL.Path]; known {
		serve(w, req)
		return
	}
	http.NotFound(w, req)
}

// body serves bytes with headers given as name, value, name, value.
func body(content string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/html")
		}
		_, _ = w.Write([]byte(content))
	}
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

func replaceSite(s, base string) string { return strings.ReplaceAll(s, "{site}", base) }

// with lets before answer first on a path.
func (r routes) with(path string, before http.HandlerFunc) routes {
	after := r[path]
	r[path] = func(w http.ResponseWriter, req *http.Request) {
		before(w, req)
		after(w, req)
	}
	return r
}
