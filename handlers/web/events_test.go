package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/webtest"
)

func TestFiltersOfTheLog(t *testing.T) {
	lost := eventOf(webtest.Recovered, 2)
	minute := func(t time.Time) string { return t.Truncate(time.Minute).Format("2006-01-02T15:04") }
	tests := map[string]struct {
		query string
		want  string
	}{
		"a run":                           {"run=" + webtest.Recovered.String(), positions(t, eventOf(webtest.Recovered, 3), lost, eventOf(webtest.Recovered, 1))},
		"a run, by type":                  {"type=run.connection_lost&run=" + webtest.Recovered.String(), positions(t, lost)},
		"a stream":                        {"stream=" + lost.Stream + "&after=" + fmt.Sprint(lost.Position), positions(t, eventOf(webtest.Recovered, 3))},
		"a time, from its start":          {"since=" + minute(lost.RecordedAt) + "&until=" + minute(lost.RecordedAt.Add(time.Minute)), positions(t, lost)},
		"a time before the log":           {"until=2020-01-01T00:00", ""},
		"a time after it":                 {"since=2030-01-01T00:00", ""},
		"a text of the data, in any case": {"text=NOTHING+was+heard", positions(t, lost)},
		"a text of the metadata":          {"text=saga%3Arescrape&since=" + minute(webtest.Now.Add(-time.Hour)), positions(t, eventOf(webtest.Recovery, 1))},
		"a text that is nowhere":          {"text=nowhere", ""},
	}
	e := serve(webtest.New())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			doc := document(t, get(e, "/events?"+test.query))
			if got := strings.ReplaceAll(words(doc.Find("tbody th")), " ", ""); got != test.want {
				t.Errorf("events %q, want %q", got, test.want)
			}
			if none := strings.Contains(doc.Text(), "No events match"); none != (test.want == "") {
				t.Errorf("it says that there are none: %v", none)
			}
		})
	}
}

func TestTypesAreCounted(t *testing.T) {
	s := webtest.New()
	e := serve(s)
	want := 0
	for _, rec := range s.Recorded {
		if rec.Type == "run.connection_lost" {
			want++
		}
	}
	label := `label:contains("run.connection_lost")`
	if got := words(document(t, get(e, "/events")).Find(label)); got != fmt.Sprintf("run.connection_lost %d", want) {
		t.Errorf("%q, want %d", got, want)
	}
	next := s.Recorded[eventOf(webtest.Recovered, 2).Position-1]
	next.Position = int64(len(s.Recorded) + 1)
	s.Recorded = append(s.Recorded, next)
	if got := words(document(t, get(e, "/events")).Find(label)); got != fmt.Sprintf("run.connection_lost %d", want+1) {
		t.Errorf("%q after one more, want %d", got, want+1)
	}
}

// A retired name means what its successor means, and both find what was recorded
// under either.
func TestRetiredTypesCanBeAskedFor(t *testing.T) {
	defer domain.Retire("run.dropped", "run.connection_lost", func(old []byte) ([]byte, error) { return old, nil })()
	s := webtest.New()
	dropped := eventOf(webtest.Recovered, 2).Position
	s.Recorded[dropped-1].Type = "run.dropped"
	e := serve(s)
	for _, name := range []string{"run.dropped", "run.connection_lost"} {
		doc := document(t, get(e, fmt.Sprintf("/events?type=%s&upto=%d", name, dropped)))
		if got := doc.Find("tbody th").First().Text(); got != fmt.Sprint(dropped) {
			t.Errorf("%s: the first event is %q", name, got)
		}
		if ticked, _ := doc.Find("input[checked]").Attr("value"); ticked != "run.connection_lost" {
			t.Errorf("%s ticks %q", name, ticked)
		}
	}
}

// positions is what the first column of a list of these events says.
func positions(t *testing.T, records ...eventstore.Recorded) (text string) {
	t.Helper()
	for _, rec := range records {
		text += fmt.Sprint(rec.Position)
	}
	return text
}

func TestASearchEndsInTime(t *testing.T) {
	s := webtest.Empty()
	for n := range int64(20600) {
		about := domain.AboutScraper{Scraper: "weather", At: webtest.Now}
		s.Recorded = append(s.Recorded, webtest.Record(n+1, n+1, domain.ScraperResumed{AboutScraper: about, By: fmt.Sprintf("n%d.", n)}))
	}
	e := serve(s)
	doc := document(t, get(e, "/events?text=n3."))
	further, _ := doc.Find("a:contains('Search further')").Attr("href")
	if further != "/events?text=n3.&upto=600" || !strings.Contains(words(doc.Find("main")), "stopped at event 601") {
		t.Fatalf("further: %q", further)
	}
	if got := words(document(t, get(e, further)).Find("tbody th")); got != "4" {
		t.Errorf("it then finds %q", got)
	}
}
