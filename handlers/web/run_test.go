package web_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/webtest"
)

// eventOf is the n-th event of a run.
func eventOf(run uuid.UUID, n int) eventstore.Recorded {
	for _, rec := range webtest.Log() {
		if rec.Stream == domain.RunStream(run) && rec.Version == int64(n) {
			return rec
		}
	}
	panic("the story has no such event")
}

// asOf is a run's page as of the n-th of its events.
func asOf(run uuid.UUID, n int) string {
	return fmt.Sprintf("/runs/%s?at=%d", run, eventOf(run, n).Position)
}

// words is the text of a selection, its white space made single.
func words(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

func TestARunAsOfAnEvent(t *testing.T) {
	e := serve(webtest.New())
	lost := eventOf(webtest.Recovered, 2)
	byTime := "/runs/" + webtest.Recovered.String() + "?at=" + lost.RecordedAt.Add(time.Second).Format(time.RFC3339)
	const lostThen = "Lost after 1 min 41 s: nothing was heard for 45 s."
	tests := map[string]struct {
		path     string
		badge    string
		sentence string
		differs  string
		ways     string
	}{
		"its first": {asOf(webtest.Recovered, 1), "Running", "Running for 0 s.",
			"Status Ended Duration Cause Detail Last heard Connection back Recovered by", "Next, Now"},
		"its first, by the slider": {"/runs/" + webtest.Recovered.String() + "?step=1", "Running", "Running for 0 s.",
			"Status Ended Duration Cause Detail Last heard Connection back Recovered by", "Next, Now"},
		"its loss":                {asOf(webtest.Recovered, 2), "Connection failed", lostThen, "Connection back Recovered by", "Previous, Next, Now"},
		"its loss, by the slider": {"/runs/" + webtest.Recovered.String() + "?step=2", "Connection failed", lostThen, "Connection back Recovered by", "Previous, Next, Now"},
		"a time after its loss":   {byTime, "Connection failed", lostThen, "Connection back Recovered by", "Previous, Next, Now"},
		"the return":              {asOf(webtest.Recovered, 3), "Connection failed", lostThen + " The connection came back after 1 min 19 s.", "Recovered by", "Previous, Now"},
		"what came long after": {fmt.Sprintf("/runs/%s?at=%d", webtest.Recovered, webtest.Head), "Connection failed",
			lostThen + " Restarted 1.2 s after the connection came back.", "", "Previous, Now"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			doc := document(t, get(e, test.path))
			if got := words(doc.Find("hgroup .badge")); got != test.badge {
				t.Errorf("badge %q", got)
			}
			if got := words(doc.Find(".sentence")); got != test.sentence {
				t.Errorf("sentence %q", got)
			}
			var differs, ways []string
			doc.Find(".differs dt").Each(func(_ int, s *goquery.Selection) { differs = append(differs, words(s)) })
			doc.Find(".as-of .pager a").Each(func(_ int, s *goquery.Selection) { ways = append(ways, words(s)) })
			if got := strings.Join(differs, " "); got != test.differs {
				t.Errorf("differs in %q, want %q", got, test.differs)
			}
			if got := strings.Join(ways, ", "); got != test.ways {
				t.Errorf("ways %q, want %q", got, test.ways)
			}
			if doc.Find("main form[method=post]").Length() > 0 || doc.Find("main[hx-get]").Length() > 0 {
				t.Error("the past can be changed, or changes")
			}
			if doc.Find(".lane-drawing .later").Length() != 1 {
				t.Error("what came later has no shade")
			}
		})
	}
	if doc := document(t, get(e, "/runs/"+webtest.Recovered.String()+"?step=3")); doc.Find(".differs, .later").Length() > 0 || doc.Find("main[hx-get]").Length() != 1 {
		t.Error("the last step is not the present")
	}
}

// TestTheEventThatIsChosen: without a choice it is the loss, and of another run the end.
func TestTheEventThatIsChosen(t *testing.T) {
	e := serve(webtest.New())
	started := eventOf(webtest.Recovered, 1)
	recovered := "/runs/" + webtest.Recovered.String()
	for path, want := range map[string]string{
		recovered: "Connection lost, nothing was heard for too long event 142",
		recovered + "?event=" + strconv.FormatInt(started.Position, 10): "Started by schedule event 141",
		recovered + "?step=1":            "Started by schedule event 141",
		recovered + "?step=2":            "Connection lost, nothing was heard for too long event 142",
		"/runs/" + webtest.Done.String(): "Completed in 2 min 0 s, 12 345 items event 135",
		"/runs/" + webtest.Open.String(): "Started by schedule event 150",
	} {
		doc := document(t, get(e, path))
		if got := words(doc.Find(".chosen-event h2").First()); got != want {
			t.Errorf("%s tells %q, want %q", path, got, want)
		}
		if n := doc.Find(".moments [aria-current=true]").Length(); n != 1 {
			t.Errorf("%s: %d events are marked", path, n)
		}
		if link := doc.Find(".moments a").First(); link.AttrOr("href", "-") != link.AttrOr("hx-get", "") {
			t.Errorf("%s: the script does not ask for what the link leads to", path)
		}
	}
	for path, want := range map[string]int{recovered + "?event=1": 404, recovered + "?event=x": 400, recovered + "?step=0": 400, recovered + "?step=4": 400} {
		if w := get(e, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// TestTheChainIsDrawnToScale: the lost run, the time away, the return, the recovery run,
// and a mark for each event.
func TestTheChainIsDrawnToScale(t *testing.T) {
	doc := document(t, get(serve(webtest.New()), "/runs/"+webtest.Recovered.String()))
	drawing := doc.Find(".chain-drawing")
	for what, want := range map[string]int{".bar-connection_failed": 1, ".away[fill='url(#hatch)']": 1, ".bar-recovery": 1, ".back": 1, ".marks circle": 3, ".marks .chosen": 1} {
		if n := drawing.Find(".chain-lane").Find(what).Length(); n != want {
			t.Errorf("%d of %s, want %d", n, what, want)
		}
	}
	// 101 s of 300 s, and two of a hundred for the edge
	if got := drawing.Find(".marks circle").Eq(1).AttrOr("cx", ""); got != "33.01%" {
		t.Errorf("the loss is marked at %s", got)
	}
	if got := drawing.Find(".lane-drawing").AttrOr("aria-label", ""); !strings.Contains(got, "The connection was lost once") {
		t.Errorf("the drawing says %q", got)
	}
}

// The loss is told of in one place: why, and how that is known.
func TestALostConnectionIsToldOfInOnePlace(t *testing.T) {
	for path, want := range map[string][]string{
		"/runs/" + webtest.Recovered.String(): {
			"Cause Nothing was heard for too long idle_timeout", "Evidence nothing was heard for 45s",
			"Link to the scraper, while its stream was open streaming", "Last heard 2026-11-23 11:29:56 UTC", "Received 1 event, 80 bytes",
		},
		"/runs/" + webtest.Lost.String(): {
			"Cause The connection was reset reset",
		},
		"/":                 {"Lost the same way 38 times: reset after 12 to 13 s; a proxy or worker timeout?", "Connection lost http://127.0.0.1:9090: the connection was reset reset 9 min 19 s", "Lost 11:50:41 UTC Probing", "reviews 9 min 19 s waits for the scraper to answer, probing every 1 s"},
		"/scrapers/reviews": {"Its connection was lost at 2026-11-23 11:50:41 UTC: the connection was reset. Recovery waits for the scraper to answer, probing every 1 s"},
	} {
		run := func(s string) string { return strings.ReplaceAll(s, " ", "") } // cells stand side by side without a space
		story := webtest.Story{Path: path, Service: webtest.New}
		loss := document(t, story.Page()).Find("main .loss")
		for _, text := range want {
			if loss.Length() != 1 || !strings.Contains(run(words(loss)), run(text)) {
				t.Errorf("%s does not say %q: %s", path, text, words(loss))
			}
		}
	}
	if doc := document(t, get(serve(webtest.New()), "/runs/"+webtest.Failed.String())); doc.Find(".loss").Length() > 0 {
		t.Error("a run that failed looks like one that lost its connection")
	}
}

func TestWhatBecameOfALoss(t *testing.T) {
	e := serve(webtest.New())
	for path, want := range map[string][]string{
		"/runs/" + webtest.Recovered.String(): {"Connection back2026-11-23 11:32:00 UTC after 1 min 19 s: a probe was answered", "Recovered byc3d40005 Completed 1 min 20 s after the loss"},
		"/runs/" + webtest.Lost.String():      {"Connection backnot yet", "Recovered byno run yet"},
		"/runs/" + webtest.Cut.String():       {"Connection backnot recorded: a newer run superseded this one", "Recovered byno run"},
	} {
		facts := strings.ReplaceAll(words(document(t, get(e, path)).Find("[aria-labelledby=facts]")), " ", "")
		for _, text := range want {
			if !strings.Contains(facts, strings.ReplaceAll(text, " ", "")) {
				t.Errorf("%s does not say %q: %s", path, text, facts)
			}
		}
	}
}

func TestWhatARunCannotBeAsOf(t *testing.T) {
	tests := map[string]struct {
		at   string
		want int
		says string
	}{
		"before it started":    {"1", 404, "had not started at event 1"},
		"beyond the head":      {"9999", 404, "beyond the head"},
		"no position":          {"0", 404, "begin at 1"},
		"before the log began": {"2020-01-01T00:00", 404, "no events"},
		"no time":              {"whenever", 400, "at"},
	}
	e := serve(webtest.New())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := get(e, "/runs/"+webtest.Recovered.String()+"?at="+test.at)
			if w.Code != test.want || !strings.Contains(w.Body.String(), test.says) {
				t.Errorf("%d %s", w.Code, words(document(t, w).Find("main")))
			}
		})
	}
}

func TestAChainOfRecoveriesIsOneStory(t *testing.T) {
	e := serve(webtest.New())
	for _, id := range []uuid.UUID{webtest.Flapping, webtest.FlapTwo, webtest.FlapThree} {
		doc := document(t, get(e, "/runs/"+id.String()))
		if got := words(doc.Find("#chain + span")); got != "The connection was lost twice; the scrape was completed 2 min 0 s after the first loss." {
			t.Errorf("%s: %q", id, got)
		}
		if n := doc.Find("ol.chain > li").Length(); n != 3 {
			t.Errorf("%s: %d runs, want 3", id, n)
		}
		if got := words(doc.Find(".chain strong")); !strings.HasPrefix(got, id.String()[28:]) {
			t.Errorf("%s: it says that this is run %q", id, got)
		}
	}
	doc := document(t, get(e, "/runs/"+webtest.Done.String()))
	if doc.Find("ol.chain").Length() > 0 || doc.Find(".chain-lane .bar").Length() != 1 {
		t.Error("a run without recovery has a chain")
	}
}

func TestAStreamIsDownloaded(t *testing.T) {
	stream := domain.RunStream(webtest.Recovered)
	w := get(serve(webtest.New()), "/streams/"+stream+"/events.ndjson")
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="`+stream+`.ndjson"` {
		t.Errorf("Content-Disposition: %s", got)
	}
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	for i, line := range lines {
		var rec eventstore.Recorded
		if err := json.Unmarshal([]byte(line), &rec); err != nil || rec.Version != int64(i+1) || rec.Stream != stream {
			t.Errorf("line %d: %v %s", i+1, err, line)
		}
	}
	if len(lines) != 3 || w.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d lines, %v", len(lines), w.Header())
	}
	if w := get(serve(webtest.New()), "/streams/run-x/events.ndjson"); w.Code != 404 {
		t.Errorf("a stream that is not: %d", w.Code)
	}
}
