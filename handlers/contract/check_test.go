package contract

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/domain"
)

func TestAScraperThatKeepsToTheContract(t *testing.T) {
	for name, s := range map[string]*scraper{
		"with beats":    {beat: "1s"},
		"without beats": {},
		"that fails":    {say: ends("event: failed\ndata: {\"error\":\"no\"}\n\n")},
		"with comments": {say: ends(": hb\n\n: hb\n\n" + completed)},
		"with CRLF":     {say: ends(strings.ReplaceAll(completed, "\n", "\r\n"))},
		"with CR":       {say: ends(strings.ReplaceAll(completed, "\n", "\r"))},
		"that says that nothing is encoded": {answer: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Encoding", "identity")
			return false
		}},
		"bare beats": {say: ends("event: beat\n\n" + completed)},
		"cut behind the terminal event": {say: func(w io.Writer, ctx context.Context) {
			ends(completed)(w, ctx)
			panic(http.ErrAbortHandler)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdicts, err := Check(t.Context(), Target{URL: s.serve(t)})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				if v.Result != OK || v.Seen == "" || v.Fix != "" {
					t.Errorf("%+v", v)
				}
			}
		})
	}
}

// TestWhatABrokenScraperIsTold breaks one thing at a time.
func TestWhatABrokenScraperIsTold(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			return true
		}
	}
	for name, test := range map[string]struct {
		scraper *scraper
		rule    Rule
		seen    string
		fix     string
	}{
		"HEAD is cut": {&scraper{answer: func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				panic(http.ErrAbortHandler)
			}
			return false
		}}, RuleProbe, "HEAD got no answer", fixProbe},
		"HEAD is answered like a gateway": {&scraper{answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return r.Method == http.MethodHead
		}}, RuleProbe, "a gateway's answer", fixProbe},
		"HEAD is answered by a cache": {&scraper{answer: func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Age", "12")
			return r.Method == http.MethodHead
		}}, RuleProbe, `answered by a cache (Age: "12")`, fixCache},
		"HEAD is kept by a cache": {&scraper{answer: keepingHeads()}, RuleProbe, `answered by a cache (Cache-Status: "test; hit")`, fixCache},
		"HEAD is answered by no proper HTTP": {&scraper{answer: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodHead {
				return false
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n")
				_ = conn.Close()
			}
			return true
		}}, RuleProbe, "HEAD got no proper HTTP", fixProbe},

		"it answers before it has the body": {&scraper{eager: true}, RuleBody, "before the body was whole", fixBody},

		"it closes without an answer": {&scraper{answer: func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				panic(http.ErrAbortHandler)
			}
			return false
		}}, RuleHeader, "no HTTP answer", fixHeader},
		"it answers 500":           {&scraper{answer: status(500)}, RuleHeader, "500 Internal Server Error", fixStatus},
		"it answers 202":           {&scraper{answer: status(202)}, RuleHeader, "202 Accepted", fixStatus},
		"it is busy with another":  {&scraper{answer: status(409)}, RuleHeader, "409 Conflict to the only POST", fixAlready},
		"it wants credentials":     {&scraper{answer: status(401)}, RuleHeader, "401", fixAllowed},
		"it redirects":             {&scraper{answer: status(307, "Location", "/")}, RuleHeader, "307", fixRedirect},
		"it answers with JSON":     {&scraper{answer: status(200, "Content-Type", "application/json")}, RuleHeader, "Content-Type: application/json", fixType},
		"it compresses":            {&scraper{answer: status(200, "Content-Encoding", "gzip")}, RuleHeader, "Content-Encoding: gzip", fixEncoding},
		"its header comes late":    {&scraper{answer: late, say: silent(scrapeTime, completed)}, RuleHeader, "after the body", fixLate},
		"it holds the header back": {&scraper{holdHeader: atOnce + 200*time.Millisecond}, RuleFlush, "together with the first event", fixFlush},
		"it holds beats back": {&scraper{beat: "1s", say: ends("event: beat\ndata: {}\n\nevent: beat\ndata: {}\n\n" + completed)},
			RuleFlush, "two beats came in the same instant", fixFlush},

		"it scrapes twice at a time":             {&scraper{crowded: true, overlaps: true}, RuleBusy, "answered 200 OK", fixBusy},
		"it does not know recovers":              {&scraper{deaf: true, say: slow(5 * time.Second)}, RuleRecovers, "answered 409 Conflict", fixRecovers},
		"the run that was taken over goes on":    {&scraper{overlaps: true, say: slow(time.Minute)}, RuleRecovers, "goes on beside it", fixTakeOver},
		"it scrapes on when its client has left": {&scraper{stubborn: true, say: slow(stopAtLeast + 3*time.Second), beat: "1s"}, RuleLeaving, "409 still", fixLeaving},
		"its announcement cannot be read":        {&scraper{beat: "5"}, RuleBeats, `X-Scrape-Beat: "5"`, fixAnnounced},
		"its announcement is out of range":       {&scraper{beat: "100ms"}, RuleBeats, `X-Scrape-Beat: "100ms"`, fixAnnounced},
		"its beats are late":                     {&scraper{beat: "1s", say: silent(2500*time.Millisecond, completed)}, RuleBeats, "1s was announced, and no event came for 2.", fixBeats},
		"it says nothing":                        {&scraper{beat: "1s", say: silent(time.Minute, completed)}, RuleBeats, "1s was announced, and no event came for 3.", fixBeats},
		"two events are in one":                  {&scraper{say: ends("event: progress\ndata: {}\nevent: progress\n\n" + completed)}, RuleBlank, `"progress" and "progress" stand in one event`, fixBlank},
		"two events without names are in one":    {&scraper{say: ends("data: {}\ndata: {}\n\n" + completed)}, RuleBlank, "2 data lines", fixBlank},
		"the last event has no blank line":       {&scraper{say: ends("event: completed\ndata: {}\n")}, RuleBlank, `the last event, "completed", has no blank line`, fixBlank},
		"the last event has no line end":         {&scraper{say: ends("event: completed\ndata: {}")}, RuleBlank, `the last event, "completed"`, fixBlank},
		"comments pile up":                       {&scraper{say: ends(": hb\n: hb\n\n" + completed)}, RuleBlank, "comments follow each other", fixComment},
		"a line without a field":                 {&scraper{say: ends("{\"page\":1}\n\n" + completed)}, RuleData, `{"page":1}`, fixField},
		"an event is large":                      {&scraper{say: ends("data: \"" + strings.Repeat("x", maxEvent) + "\"\n\n" + completed)}, RuleData, "of 64 KB", fixSize},
		"an event never ends":                    {&scraper{say: ends("data: " + strings.Repeat("x", maxBlock+1))}, RuleData, "more than 256 KB", fixSize},
		"it speaks Latin-1":                      {&scraper{say: ends("event: progress\ndata: {\"page\":\"caf\xe9\"}\n\n" + completed)}, RuleData, "not UTF-8", fixUTF8},
		"it speaks no JSON":                      {&scraper{say: ends("event: progress\ndata: page 1\n\n" + completed)}, RuleData, `is not JSON: "page 1"`, fixJSON},
		"it says nothing about its end":          {&scraper{say: ends("")}, RuleEnding, `without completed or failed; the last event was "progress"`, fixEnding},
		"it calls its end something else":        {&scraper{say: ends("event: complete\ndata: {}\n\n")}, RuleEnding, `the last event was "complete"`, fixEnding},
		"its end is cut":                         {&scraper{say: func(w io.Writer, ctx context.Context) { work(w, ctx, scrapeTime); panic(http.ErrAbortHandler) }}, RuleEnding, "the stream was cut", fixEnding},
		"it ends twice":                          {&scraper{say: ends(completed + completed)}, RuleEnding, `completed {"items":3} is followed by "completed"`, fixAfter},
		"it goes on behind its end":              {&scraper{say: ends(completed + "event: beat\n\n")}, RuleEnding, `is followed by "beat"`, fixAfter},
		"its connection stays open":              {&scraper{say: func(w io.Writer, ctx context.Context) { ends(completed)(w, ctx); <-ctx.Done() }}, RuleEnding, "the connection is open 2s after", fixAfter},
		"its number of items is no number":       {&scraper{say: ends("event: completed\ndata: {\"items\":\"many\"}\n\n")}, RuleEnding, "code protocol", fixTerminal},
		"its end is no object":                   {&scraper{say: ends("event: failed\ndata: \"no\"\n\n")}, RuleEnding, "code protocol", fixTerminal},
		"its failure is a list":                  {&scraper{say: ends("event: failed\ndata: [\"no\"]\n\n")}, RuleEnding, "code protocol", fixTerminal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdicts, err := Check(t.Context(), Target{URL: test.scraper.serve(t)})
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, v := range verdicts {
				switch {
				case v.Result != Finding:
				case v.Rule != test.rule || !strings.Contains(v.Seen, test.seen) || v.Fix != test.fix:
					t.Errorf("told also, or wrongly: %+v", v)
				default:
					found++
				}
			}
			if found != 1 {
				t.Errorf("not told %s %q: %+v", test.rule, test.seen, verdicts)
			}
		})
	}
}

// keepingHeads is a cache that keeps the first answer to HEAD.
func keepingHeads() func(http.ResponseWriter, *http.Request) bool {
	var kept atomic.Bool
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead && kept.Swap(true) {
			w.Header().Set("Cache-Status", "test; hit")
		}
		return r.Method == http.MethodHead
	}
}

// late answers a POST after its time.
func late(_ http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodPost {
		pause(r.Context(), atOnce+200*time.Millisecond)
	}
	return false
}

// A scrape that is over at once gives no chance to see what happens beside it.
func TestAScrapeThatIsOverAtOnce(t *testing.T) {
	s := &scraper{say: func(w io.Writer, _ context.Context) { say(w, completed) }}
	verdicts, err := Check(t.Context(), Target{URL: s.serve(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		beside := v.Rule == RuleBusy || v.Rule == RuleRecovers || v.Rule == RuleLeaving
		if v.Result != OK && !(beside && v.Result == Unseen) {
			t.Errorf("%+v", v)
		}
	}
}

// A scraper that goes on when its client has left is free again when the scrape has
// ended by itself, which is no sign that it stops.
func TestAScrapeThatMayHaveEndedByItselfShowsNothingAboutLeaving(t *testing.T) {
	for _, long := range []time.Duration{scrapeTime, 2 * time.Second, 4 * time.Second} {
		t.Run(long.String(), func(t *testing.T) {
			t.Parallel()
			s := &scraper{stubborn: true, beat: "5s", say: func(w io.Writer, ctx context.Context) {
				work(w, ctx, long)
				say(w, completed)
			}}
			verdicts, err := Check(t.Context(), Target{URL: s.serve(t)})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				if v.Rule == RuleLeaving && (v.Result != Unseen || !strings.Contains(v.Seen, "by itself")) || v.Result == Finding {
					t.Errorf("%+v", v)
				}
			}
		})
	}
}

// A scraper that takes every order says 200 to the one that recovers another
// too, and its scrapes end some time: that proves nothing.
func TestWhatATakerOfEveryOrderDoesNotShow(t *testing.T) {
	for name, end := range map[string]string{"with a terminal event": completed, "without its blank line": "event: completed\ndata: {}\n", "without one": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdicts, err := Check(t.Context(), Target{URL: (&scraper{crowded: true, overlaps: true, say: ends(end)}).serve(t)})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range verdicts {
				if (v.Rule == RuleRecovers || v.Rule == RuleLeaving) && v.Result != Unseen {
					t.Errorf("%+v", v)
				}
			}
		})
	}
}

func TestAScraperThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	verdicts, err := Check(t.Context(), Target{URL: "http://" + l.Addr().String()})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
	for _, v := range verdicts {
		if v.Result != Unseen {
			t.Errorf("%+v", v)
		}
	}
	t.Setenv("SCRAPELOG_TEST_BROKEN", "a\nb")
	target := Target{URL: "http://" + l.Addr().String(), HeadersEnv: map[string]string{"X-Key": "SCRAPELOG_TEST_BROKEN"}}
	if _, err := Check(t.Context(), target); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// Whatever the check was at when its time was up, that is no finding.
func TestACheckThatRunsOutOfTime(t *testing.T) {
	why := errors.New("time is up")
	for name, s := range map[string]*scraper{
		"in a probe":       {answer: func(_ http.ResponseWriter, r *http.Request) bool { pause(r.Context(), time.Minute); return true }},
		"in a scrape":      {say: silent(time.Minute, completed)},
		"in a taking over": {overlaps: true, stubborn: true, say: slow(5 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeoutCause(t.Context(), 1500*time.Millisecond, why)
			defer cancel()
			verdicts, err := Check(ctx, Target{URL: s.serve(t)})
			if !errors.Is(err, why) || len(verdicts) != len(rules) {
				t.Errorf("%v, %d verdicts", err, len(verdicts))
			}
			for _, v := range verdicts {
				if v.Result == Finding {
					t.Errorf("%+v", v)
				}
			}
		})
	}
}
