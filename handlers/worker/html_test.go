package worker

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// site serves pages by path, all of them HTML, and remembers what was asked for.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newSite(t *testing.T, pages map[string]string) *site {
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		page, known := pages[r.URL.Path]
		if to, moved := strings.CutPrefix(page, "-> "); moved {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if !known {
			http.NotFound(w, r)
			return
		}
		if r.URL.Path != "/robots.txt" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		fmt.Fprint(w, page)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) wasAsked(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, asked := range s.asked {
		if asked == path {
			return true
		}
	}
	return false
}

func shopScrape(t *testing.T, start string) *HTML {
	return &HTML{
		Platforms: []Platform{{"alpha", start}},
		Item:      "li.product",
		Fields:    map[string]string{"id": ".@id", "name": "h2", "link": "a@href", "price": ".price"},
		Next:      "a[rel=next]",
		Rate:      100,
		Output:    filepath.Join(t.TempDir(), "items.ndjson"),
	}
}

func serveHTML(t *testing.T, h *HTML) string {
	base, _ := serve(t, Config{Scrapes: []Scrape{{Name: "job", HTML: h}}})
	return base + "/scrapes/job"
}

func records(t *testing.T, path string) (all []record) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		all = append(all, r)
	}
	return all
}

const (
	firstPage = `<ul><li class=product id=p1><h2>A
		<b>lamp</b></h2><a href="/p/1">more</a><span class=price>9 €</span></li>
		<li class=product id=p2><h2>A &lt;chair&gt;</h2></li></ul><a rel=next href="?page=2">next</a>`
	lastPage = `<li class=product id=p3><h2>A table</h2></li>`
)

func TestPagesAreFollowedAndItemsKept(t *testing.T) {
	s := newSite(t, map[string]string{
		"/":  strings.ReplaceAll(firstPage, "?page=2", "/2"),
		"/2": lastPage + `<a rel=next href="/">back to the first</a>`,
	})
	h := shopScrape(t, s.URL+"/")
	url := serveHTML(t, h)
	resp, _ := post(t, url, Order{RunID: "r1"})
	kind, data, before := outcome(t, resp)
	if kind != "completed" || !strings.HasPrefix(data, `{"items":3,`) {
		t.Fatalf("%s %s", kind, data)
	}
	if len(before) != 5 { // three items, two pages
		t.Errorf("%d progress events", len(before))
	}
	got := records(t, h.Output)
	if len(got) != 3 {
		t.Fatalf("%d records", len(got))
	}
	want := map[string]string{"id": "p1", "name": "A lamp", "link": s.URL + "/p/1", "price": "9 €"}
	if fmt.Sprint(got[0].Fields) != fmt.Sprint(want) {
		t.Errorf("fields = %v, want %v", got[0].Fields, want)
	}
	if r := got[0]; r.RunID != "r1" || r.Platform != "alpha" || r.Page != s.URL+"/" || time.Since(r.At) > time.Hour {
		t.Errorf("record = %+v", r)
	}
	if _, there := got[1].Fields["price"]; there || got[1].Fields["name"] != "A <chair>" {
		t.Errorf("fields = %v", got[1].Fields)
	}
	if got[2].Page != s.URL+"/2" {
		t.Errorf("page = %s", got[2].Page)
	}
	again, _ := post(t, url, Order{RunID: "r2"})
	if kind, data, _ := outcome(t, again); kind != "completed" || len(records(t, h.Output)) != 6 {
		t.Errorf("a second run: %s %s, %d records", kind, data, len(records(t, h.Output)))
	}
}

func TestWhatEndsAnHTMLScrape(t *testing.T) {
	tests := map[string]struct {
		pages     map[string]string
		platforms []string
		kind      string
		says      string // for failed, a part of the error; for completed, the items
	}{
		"a page that is not there":            {map[string]string{}, nil, "failed", "alpha: {site}/: answered 404 Not Found"},
		"a next page that is not there":       {map[string]string{"/": strings.ReplaceAll(firstPage, "?page=2", "/2")}, nil, "failed", "/2: answered 404 Not Found"},
		"a redirect is followed":              {map[string]string{"/": "-> /moved", "/moved": lastPage}, nil, "completed", `"items":1`},
		"a redirect to another host is not":   {map[string]string{"/": "-> http://localhost.invalid/"}, nil, "failed", "redirects to another origin; start at http://localhost.invalid/"},
		"a loop of redirects":                 {map[string]string{"/": "-> /"}, nil, "failed", "more than 10 redirects"},
		"a page without items":                {map[string]string{"/": "<p>nothing"}, nil, "completed", `"items":0`},
		"robots.txt forbids the start":        {map[string]string{"/robots.txt": "User-agent: *\nDisallow: /\n", "/": lastPage}, nil, "failed", "alpha: {site}/: robots.txt forbids it"},
		"robots.txt names another robot":      {map[string]string{"/robots.txt": "User-agent: other\nDisallow: /\n", "/": lastPage}, nil, "completed", `"items":1`},
		"robots.txt speaks of us":             {map[string]string{"/robots.txt": "User-agent: scrapelog\nDisallow: /\n", "/": lastPage}, nil, "failed", "robots.txt forbids it"},
		"robots.txt forbids a redirect":       {map[string]string{"/robots.txt": "User-agent: *\nDisallow: /moved\n", "/": "-> /moved", "/moved": lastPage}, nil, "failed", "robots.txt forbids it"},
		"robots.txt forbids a later page":     {map[string]string{"/robots.txt": "User-agent: *\nDisallow: /2\n", "/": strings.ReplaceAll(firstPage, "?page=2", "/2"), "/2": lastPage}, nil, "completed", `"items":2`},
		"a platform that was asked for":       {map[string]string{"/": lastPage}, []string{"alpha"}, "completed", `"items":1`},
		"a platform that this scrape has not": {map[string]string{"/": lastPage}, []string{"gamma"}, "failed", `there is no platform \"gamma\"; this scrape has alpha`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tt.pages)
			resp, _ := post(t, serveHTML(t, shopScrape(t, s.URL+"/")), Order{RunID: "r1", Platforms: tt.platforms})
			kind, data, _ := outcome(t, resp)
			if says := strings.ReplaceAll(tt.says, "{site}", s.URL); kind != tt.kind || !strings.Contains(data, says) {
				t.Errorf("%s %s\nwant %s %s", kind, data, tt.kind, says)
			}
			for path := range tt.pages {
				forbidden := strings.Contains(tt.pages["/robots.txt"], "Disallow: "+path+"\n") && !strings.Contains(name, "another robot")
				if forbidden && s.wasAsked(path) {
					t.Errorf("asked for %s", path)
				}
			}
		})
	}
}

func TestSomethingElseThanHTMLIsAnError(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{}`)
	}))
	defer s.Close()
	resp, _ := post(t, serveHTML(t, shopScrape(t, s.URL+"/?key=secret")), Order{RunID: "r1"})
	kind, data, _ := outcome(t, resp)
	if kind != "failed" || !strings.Contains(data, "application/json, not HTML") || strings.Contains(data, "secret") {
		t.Errorf("%s %s", kind, data)
	}
}

// The page never comes. The scrape beats while it waits, and lets go of the site
// when its client leaves.
func TestASlowSite(t *testing.T) {
	for _, slow := range []string{"/", "/robots.txt"} {
		t.Run(slow, func(t *testing.T) {
			let, seen := make(chan struct{}), make(chan struct{})
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != slow {
					http.NotFound(w, r)
					return
				}
				<-r.Context().Done()
				close(seen)
				<-let
			}))
			defer s.Close()
			defer close(let)
			resp, leave := post(t, serveHTML(t, shopScrape(t, s.URL+"/")), Order{RunID: "r1"})
			await(t, resp, "beat")
			leave()
			select {
			case <-seen:
			case <-time.After(patience):
				t.Error("the scrape still waits for the page")
			}
		})
	}
}

func TestPagesAreAskedForAtTheRate(t *testing.T) {
	s := newSite(t, map[string]string{
		"/":  `<a rel=next href=/2>`,
		"/2": `<a rel=next href=/3>`,
		"/3": lastPage,
	})
	h := shopScrape(t, s.URL+"/")
	h.Rate = 10
	started := time.Now()
	resp, _ := post(t, serveHTML(t, h), Order{RunID: "r1"})
	outcome(t, resp)
	if took := time.Since(started); took < 190*time.Millisecond {
		t.Errorf("three pages took %s at ten a second", took)
	}
}
