package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// allocated is how many bytes f allocates. It bounds what f holds at any time.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// robots.txt of 300 MB is read to 512 KiB; the rules in that part hold.
func TestRobotsTxtIsCut(t *testing.T) {
	for name, first := range map[string]struct {
		rules string
		says  string // of the failure; empty: the page is read
	}{
		"a rule at the beginning holds": {"User-agent: *\nDisallow: /\n", "robots.txt forbids it"},
		"the line that is cut does not": {"User-agent: *\n" + strings.Repeat("#", maxRobots-len("User-agent: *\n")-len("\nDisallow: /")) + "\nDisallow: /", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			got := crawlSite(t, routes{"/": body("<li>lamp"), "/robots.txt": func(w http.ResponseWriter, _ *http.Request) {
				n, err := w.Write([]byte(first.rules))
				filler := []byte(strings.Repeat("x", 63) + "\n")
				for err == nil && n < 300<<20 {
					var more int
					more, err = w.Write(filler)
					n += more
				}
				sent.Store(int64(n))
			}}, nil)
			if first.says == "" && got.items != 1 || !strings.Contains(got.error, first.says) {
				t.Errorf("%+v, want %q", got, first.says)
			}
			if sent.Load() > 32<<20 {
				t.Errorf("%d MiB were taken off the site's hands", sent.Load()>>20)
			}
		})
	}
	t.Run("a bomb", func(t *testing.T) {
		// gzip data may consist of parts, and one of them is quick to make.
		bomb := coded(t, "gzip", "User-agent: *\nDisallow: /\n") + strings.Repeat(coded(t, "gzip", strings.Repeat("\n", 1<<20)), 300)
		var got crawled
		used := allocated(func() {
			got = crawlSite(t, routes{"/robots.txt": body(bomb, "Content-Type", "text/plain", "Content-Encoding", "gzip")}, nil)
		})
		if !strings.Contains(got.error, "robots.txt forbids it") || used > 32<<20 {
			t.Errorf("%+v with %d MiB", got, used>>20)
		}
	})
}

func TestAPageIsBounded(t *testing.T) {
	formatting := func(blocks int) string {
		var b strings.Builder
		b.WriteString("<p>")
		for i := range 400 {
			fmt.Fprintf(&b, "<b id=%d>", i)
		}
		return b.String() + strings.Repeat("<p>x", blocks)
	}
	const limit = 512 << 20
	tests := map[string]struct {
		page string
		says string
		most uint64 // bytes allocated
	}{
		"8 MB of <li>":              {strings.Repeat("<li>", 2<<20), "tags and attributes; at most 1000000 are parsed", 128 << 20},
		"8 MB of attributes":        {"<li " + strings.Repeat("a ", 4<<20) + ">", "tags and attributes", 128 << 20},
		"attributes without blanks": {"<li " + strings.Repeat(`a=""`, 2<<20) + ">", "tags and attributes", 128 << 20},
		"8 MB of </p>":              {strings.Repeat("</p>", 2<<20), "tags and attributes", 128 << 20},
		"a page of 17 MiB":          {strings.Repeat("x", 17<<20), "is longer than 16 MiB", 128 << 20},
		"formatting in each block":  {formatting(900_000), "needs more than 512 MiB to be parsed", 4 * limit},
		"nested to 1,000":           {strings.Repeat("<div>", 1000) + "x", "cannot be parsed: html: open stack of elements exceeds 512 nodes", 128 << 20},
		"100,001 items":             {strings.Repeat("<li>", 100_001), "holds more than 100000 items", limit},
		"items within items":        {"<ul>" + strings.Repeat("<ul><li>", 200) + strings.Repeat("word ", 1<<18), "or 32 MiB of values", limit},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got crawled
			served := body(tt.page)
			used := allocated(func() {
				got = crawlSite(t, routes{"/": served}, nil)
			})
			if got.kind != "failed" || !strings.Contains(got.error, tt.says) {
				t.Errorf("%s %q, want %q", got.kind, got.error, tt.says)
			}
			if used > tt.most {
				t.Errorf("%d MiB, want at most %d", used>>20, tt.most>>20)
			}
			t.Logf("%d MiB", used>>20)
		})
	}
}

// A selector can be quadratic on a page that is made for it. Its time is bounded.
func TestASlowSelectorIsBounded(t *testing.T) {
	x, err := newExtractor(&HTML{Item: slowSelector, Fields: map[string]string{"t": "."}})
	if err != nil {
		t.Fatal(err)
	}
	slow := errors.New("slow")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, slow)
	defer cancel()
	started := time.Now()
	if _, err := x.page(ctx, "http://a.example/", decoded{text: slowPage}); !errors.Is(err, slow) || time.Since(started) > patience {
		t.Errorf("err = %v after %s", err, time.Since(started))
	}
}

const slowSelector = "i:nth-last-child(2n+1):nth-child(2n)"

var slowPage = "<ul>" + strings.Repeat("<i></i>", 400_000)

// A selector that is slow on the page does not keep a scrape whose client has left.
func TestASlowSelectorEndsWithItsClient(t *testing.T) {
	asked := make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		routes{"/": body(slowPage)}.ServeHTTP(w, r)
	}))
	defer s.Close()
	h := shopScrape(t, s.URL+"/")
	h.Item = slowSelector
	url := serveHTML(t, h)
	for run := range 2 {
		_, leave := post(t, url, Order{RunID: fmt.Sprint(run), Recovers: fmt.Sprint(run - 1)})
		for _, path := range []string{"/robots.txt", "/"} {
			select {
			case got := <-asked:
				if got != path {
					t.Fatalf("asked for %s, want %s", got, path)
				}
			case <-time.After(patience):
				t.Fatalf("run %d does not get to the site", run)
			}
		}
		leave()
	}
}

// A site may set as many cookies as it likes; it gets back no more than 200.
func TestCookiesAreBounded(t *testing.T) {
	var most atomic.Int64
	got := crawlSite(t, counter(func(n int) string { return fmt.Sprintf(`<li>%d</li><a class=next href="?p=%d">`, n, n+1) }).with("/", func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), int64(len(r.Cookies()))))
		for i := range 100 {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprintf("c%d%s", i, r.URL.Query().Get("p")), Value: "x"})
		}
	}), func(h *HTML, _ string) { h.MaxPages = 10 })
	if got.items != 10 || most.Load() != maxCookies {
		t.Errorf("%d items, at most %d cookies", got.items, most.Load())
	}
}
