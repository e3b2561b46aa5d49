package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

// TestAPageDoesNotGrowWithWhatAnEventHolds shows events of an older program, which took
// params of any depth and size.
func TestAPageDoesNotGrowWithWhatAnEventHolds(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000)
	for name, params := range map[string]string{
		"deep": deep, "large": `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, "of quotes": `{"a":"` + strings.Repeat(`\"`, 1<<19) + `"}`,
		"wide": `{"a":[` + strings.Repeat("0,", 1<<19) + `0]}`,
	} {
		s := webtest.Empty()
		id := webtest.RunID(1)
		about := domain.AboutRun{RunID: id, Scraper: "shop", At: webtest.Now}
		for n := range int64(3) {
			e := domain.RunStarted{AboutRun: about, Trigger: domain.TriggerManual, Instance: "i-1", Params: json.RawMessage(params)}
			s.Recorded = append(s.Recorded, webtest.Record(n+1, n+1, e))
		}
		s.Rows = []projections.Run{{ID: id, Scraper: "shop", Status: domain.StatusRunning, StartedAt: projections.Time{Time: webtest.Now}, Params: json.RawMessage(params)}}
		e := serve(s)
		for _, path := range []string{"/events", "/events?open=1", "/events/1", "/streams/" + domain.RunStream(id), "/runs/" + id.String()} {
			w := get(e, path)
			if w.Code != 200 || w.Body.Len() > 300_000 {
				t.Errorf("%s: %s is %d bytes, status %d", name, path, w.Body.Len(), w.Code)
			}
			if path == "/events/1" && name != "deep" && !strings.Contains(w.Body.String(), `href="/api/v1/events/1"`) {
				t.Errorf("%s: no link to the whole of event 1", name)
			}
		}
	}
}
