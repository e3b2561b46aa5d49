package web_test

import (
	"net/url"
	"strings"
	"testing"

	"scrapelog/handlers/web/webtest"
)

func TestWhatIsNoTextReachesNoDatabase(t *testing.T) {
	s := webtest.New()
	e := serve(s)
	for path, want := range map[string]int{
		"/runs?scraper=%00": 400, "/runs?scraper=%ff": 400, "/runs?since=%00": 400, "/scrapers?from=%00": 400, "/scrapers/%00": 404, "/scrapers/a%ff": 404,
		"/events?stream=%00": 400, "/events?text=%ff": 400, "/streams/%00": 404, "/streams/x%00/events.ndjson": 404, "/runs/%00": 404, "/runs?scraper=caf%C3%A9": 400, "/runs?q=caf%C3%A9": 200,
	} {
		if w := get(e, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	for _, reason := range []string{"a\x00b", "\xff"} {
		if w := post(e, "/scrapers/news/pause", url.Values{"reason": {reason}}); w.Code != 400 {
			t.Errorf("the reason %q: %d", reason, w.Code)
		}
	}
	if w := post(e, "/scrapers/%00/pause", nil); w.Code != 404 {
		t.Errorf("a scraper that cannot be: %d", w.Code)
	}
	if w := post(e, "/scrapers/news/pause", url.Values{"reason": {strings.Repeat("x", 65<<10)}}); w.Code != 413 {
		t.Errorf("too long a form: %d", w.Code)
	}
	if asked, _ := s.Asked(); len(asked) > 0 {
		t.Errorf("asked for %v", asked)
	}
}
