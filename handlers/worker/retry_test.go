package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestWhatPassesIsTriedAgain(t *testing.T) {
	const ok = 200
	tests := map[string]struct {
		answers []int // one per try; 0 breaks the connection
		header  string
		asked   int32
		says    string // a part of the error; empty: none
	}{
		"500 once":                           {[]int{500, ok}, "", 2, ""},
		"502 twice":                          {[]int{502, 502, ok}, "", 3, ""},
		"500 three times":                    {[]int{500, 500, 500, ok}, "", 3, "answered 500 Internal Server Error"},
		"503 without Retry-After":            {[]int{503, 503, 503, ok}, "", 3, "answered 503"},
		"503 with Retry-After":               {[]int{503, ok}, "0", 2, ""},
		"429 with Retry-After, four times":   {[]int{429, 429, 429, 429, ok}, "0", 5, ""},
		"429 with Retry-After, for ever":     {[]int{429}, "0", 8, "answered 429 Too Many Requests"},
		"429 with a date that is past":       {[]int{429, ok}, "Fri, 27 Nov 2020 10:00:00 GMT", 2, ""},
		"429 with a word for Retry-After":    {[]int{429, 429, 429, ok}, "soon", 3, "answered 429"},
		"500 with Retry-After counts as 500": {[]int{500, 500, 500, ok}, "0", 3, "answered 500"},
		"a broken connection":                {[]int{0, 0, ok}, "", 3, ""},
		"a connection that breaks each time": {[]int{0, 0, 0, ok}, "", 3, "EOF"},
		"404":                                {[]int{404, ok}, "", 1, "answered 404 Not Found"},
		"403":                                {[]int{403, ok}, "", 1, "answered 403 Forbidden"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				code := tt.answers[min(int(asked.Add(1)), len(tt.answers))-1]
				if code == 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Retry-After", tt.header)
				w.WriteHeader(code)
			}))
			defer s.Close()
			w := newWeb(time.Microsecond)
			defer w.close()
			err := w.get(t.Context(), s.URL, func(*http.Response) error { return nil })
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			if asked.Load() != tt.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), tt.asked)
			}
		})
	}
}

func TestRetryAfterIsASecondCountOrADate(t *testing.T) {
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7":                             7 * time.Second,
		"0":                             time.Millisecond,
		"Sat, 28 Nov 2026 10:00:30 GMT": 30 * time.Second,
		"Sat, 28 Nov 2026 09:00:00 GMT": time.Millisecond,
		"":                              0,
		"-1":                            0,
		"1.5":                           0,
		"99999999999":                   0,
	} {
		resp := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {value}}}
		if got := retryAfter(resp, now); got != want {
			t.Errorf("%q = %s, want %s", value, got, want)
		}
	}
}

// The site asks to wait for an hour. A client that leaves ends the wait: the run that
// recovers this one gets to the site at once.
func TestAWaitEndsWhenTheClientLeaves(t *testing.T) {
	for path, site := range map[string]routes{
		"/":           {"/": status(429, "Retry-After", "3600")},
		"/robots.txt": {"/robots.txt": status(503, "Retry-After", "3600"), "/": body("<li>lamp")},
	} {
		t.Run(path, func(t *testing.T) {
			asked := make(chan string, 100)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				site.ServeHTTP(w, r)
				if r.URL.Path == path {
					asked <- path
				}
			}))
			defer s.Close()
			base, stop := serve(t, Config{Scrapes: []Scrape{{Name: "job", HTML: shopScrape(t, s.URL+"/")}}})
			for run := range 2 {
				_, leave := post(t, base+"/scrapes/job", Order{RunID: fmt.Sprint(run), Recovers: fmt.Sprint(run - 1)})
				select {
				case <-asked:
				case <-time.After(patience):
					t.Fatalf("run %d does not get to the site", run)
				}
				leave()
			}
			stop()
		})
	}
}

// A page that answers 429 on the way is waited for, and nothing is stored twice.
func TestACrawlGoesOnAfterAWait(t *testing.T) {
	var second atomic.Int32
	got := crawlSite(t, routes{"/": body("<li>one</li><a class=next href=/2>"), "/2": func(w http.ResponseWriter, r *http.Request) {
		if second.Add(1) == 1 {
			status(http.StatusTooManyRequests, "Retry-After", "1")(w, r)
			return
		}
		body("<li>two")(w, r)
	}}, nil)
	if fmt.Sprint(got.texts()) != "[one two]" || got.note != "2 pages; ended: no next link" {
		t.Errorf("%+v", got)
	}
}

// The wait is bounded, and ends with its context.
func TestAWaitIsAMinuteAtMost(t *testing.T) {
	if maxWait != time.Minute {
		t.Errorf("maxWait = %s", maxWait)
	}
	s := httptest.NewServer(status(503, "Retry-After", "3600"))
	defer s.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("left")
	time.AfterFunc(50*time.Millisecond, func() { cancel(left) })
	w := newWeb(time.Microsecond)
	defer w.close()
	if err := w.get(ctx, s.URL, func(*http.Response) error { return nil }); !errors.Is(err, left) {
		t.Errorf("err = %v", err)
	}
}
