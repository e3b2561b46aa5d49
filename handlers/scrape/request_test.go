package scrape

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

var (
	runID  = uuid.MustParse("0198f0a0-0000-7000-8000-00000000000a")
	lostID = uuid.MustParse("0198f0a0-0000-7000-8000-00000000000b")
)

func TestTheBodyIsTheContract(t *testing.T) {
	cfg := testConfig()
	full := cfg
	full.Platforms, full.Params = []string{"alpha", "beta"}, map[string]any{"depth": 2}
	for name, test := range map[string]struct {
		run  domain.Run
		cfg  dial.Target
		want string
	}{
		"nothing configured": {domain.Run{ID: runID, Scraper: "shop"}, cfg,
			`{"run_id":"0198f0a0-0000-7000-8000-00000000000a","scraper":"shop","platforms":[],"params":{}}`},
		"everything": {domain.Run{ID: runID, Scraper: "shop", Recovers: lostID}, full,
			`{"run_id":"0198f0a0-0000-7000-8000-00000000000a","scraper":"shop","recovers":"0198f0a0-0000-7000-8000-00000000000b","platforms":["alpha","beta"],"params":{"depth":2}}`},
		"the run's own params win": {domain.Run{ID: runID, Scraper: "shop", Params: []byte(`{"only":"new"}`)}, full,
			`{"run_id":"0198f0a0-0000-7000-8000-00000000000a","scraper":"shop","platforms":["alpha","beta"],"params":{"only":"new"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.URL = "http://127.0.0.1:1/scrapes/shop?key=1"
			req, err := newRequest(t.Context(), test.run, test.cfg)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(req.Body)
			if string(got) != test.want || req.ContentLength != int64(len(got)) {
				t.Errorf("got  %s (%d)\nwant %s", got, req.ContentLength, test.want)
			}
		})
	}
}

func TestTheRequestCannotBeRepeated(t *testing.T) {
	t.Setenv("SCRAPELOG_TEST_TOKEN", "Bearer abcdef")
	cfg := testConfig()
	cfg.URL = "http://127.0.0.1:1/scrapes/shop?key=1"
	cfg.HeadersEnv = map[string]string{"authorization": "SCRAPELOG_TEST_TOKEN"}
	req, err := newRequest(t.Context(), domain.Run{ID: runID}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if req.GetBody != nil {
		t.Error("net/http can POST it again by itself")
	}
	if req.Method != http.MethodPost || req.URL.String() != cfg.URL {
		t.Errorf("%s %s", req.Method, req.URL)
	}
	for name, want := range map[string]string{
		"Accept": "text/event-stream", "Content-Type": "application/json", "Authorization": "Bearer abcdef",
		"X-Scrapelog-Run-Id": runID.String(), "Idempotency-Key": "", "User-Agent": "scrapelog",
		"Traceparent": "00-0198f0a000007000800000000000000a-800000000000000a-01",
	} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAURLThatCannotBeParsedIsNotRepeated(t *testing.T) {
	cfg := testConfig()
	cfg.URL = "http://127.0.0.1:1/%zz?" + secretQuery
	_, err := newRequest(t.Context(), domain.Run{ID: runID}, cfg)
	c, is := outcome{err: err}.command().(domain.ReportFailed)
	if !is || c.Code != domain.CodeRejected {
		t.Fatalf("recorded %+v", c)
	}
	checkDetail(t, c.Detail)
}
