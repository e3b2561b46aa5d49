package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/eventstore/proof"
	"scrapelog/handlers/web/webtest"
)

// working serves the pages and does what they start, until the test ends.
func working(t *testing.T, s *webtest.Service) *echo.Echo {
	t.Helper()
	h := s.Handler(s, nil)
	e := webtest.Echo(h)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return e
}

// says waits until the main part of a page contains a text, ignoring white space.
func says(t *testing.T, e *echo.Echo, path, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		got = words(document(t, get(e, path)).Find("main"))
		if strings.Contains(strings.ReplaceAll(got, " ", ""), strings.ReplaceAll(want, " ", "")) {
			return
		}
	}
	t.Fatalf("%s never says %q: %s", path, want, got)
}

func TestARebuildTellsItsProgress(t *testing.T) {
	s := webtest.New()
	s.Hold = make(chan struct{})
	e := working(t, s)
	if w := post(e, "/projections/runs/rebuild", nil); w.Code != 303 || w.Header().Get("Location") != "/projections" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	says(t, e, "/projections", fmt.Sprintf("Event %d of %d.", webtest.Head/2, webtest.Head))
	if w := post(e, "/projections/runs/rebuild", nil); w.Code != 409 {
		t.Errorf("a second one meanwhile: %d", w.Code)
	}
	if w := post(e, "/projections/scrapers/rebuild", nil); w.Code != 303 {
		t.Errorf("one of another: %d", w.Code)
	}
	says(t, e, "/projections", "Waiting for another job to end.")
	close(s.Hold)
	says(t, e, "/projections", "Done in")
}

func TestWhatCannotBeRebuilt(t *testing.T) {
	e := serve(webtest.New())
	for _, name := range []string{"rescrape", "nope"} {
		if w := post(e, "/projections/"+name+"/rebuild", nil); w.Code != 404 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestARebuildThatIsGivenUpSaysWhy(t *testing.T) {
	s := webtest.New()
	s.Refusal = errors.New("the disk is full")
	e := working(t, s)
	post(e, "/projections/runs/rebuild", nil)
	says(t, e, "/projections", "Failed: the disk is full")
}

func TestAVerification(t *testing.T) {
	tests := map[string]struct {
		verdict        proof.Result
		headline, says string
	}{
		"intact":  {proof.Result{Verdict: proof.Intact, Says: "The log is intact."}, "Intact", "The log is intact."},
		"damaged": {proof.Result{Verdict: proof.Damaged, Says: "The log is damaged.", Damage: []proof.Damage{{Kind: proof.Edited, Says: "Event 3 was changed."}}}, "Damaged", "edited Event 3 was changed."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			s.Verdict = test.verdict
			e := working(t, s)
			says(t, e, "/audit", "Not verified yet.")
			if w := post(e, "/audit/verify", nil); w.Code != 303 {
				t.Fatalf("%d", w.Code)
			}
			says(t, e, "/audit", test.says)
			says(t, e, "/audit", "Proof "+test.headline)
		})
	}
}

func TestAReplay(t *testing.T) {
	s := webtest.New()
	s.Hold = make(chan struct{})
	e := working(t, s)
	says(t, e, "/audit", "Not replayed yet.")
	if w := post(e, "/audit/replay", nil); w.Code != 303 || w.Header().Get("Location") != "/audit#replay" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	says(t, e, "/audit", fmt.Sprintf("Event %d of %d.", webtest.Head/2, webtest.Head))
	if w := post(e, "/audit/replay", nil); w.Code != 409 {
		t.Errorf("a second one meanwhile: %d", w.Code)
	}
	close(s.Hold)
	says(t, e, "/audit", "Equal The pages show what the log says.")
}

func TestAReplayThatFindsDifferences(t *testing.T) {
	for _, story := range webtest.Stories() {
		if story.Name != "audit-different" {
			continue
		}
		doc := document(t, story.Page())
		for path, want := range map[string]string{
			"/runs/" + webtest.Lost.String(): "status", "/runs/" + webtest.Done.String(): "missing", "/scrapers/nobody": "no event makes it", "/runs?status=failed": "3",
		} {
			if row := words(doc.Find(`main a[href="` + path + `"]`).ParentsFiltered("tr")); !strings.Contains(row, want) {
				t.Errorf("%s: %q, want %q", path, row, want)
			}
		}
		if doc.Find(`main td a[href="/events/17"]`).Length() == 0 || !strings.Contains(words(doc.Find("main")), "And 100 rows more.") {
			t.Errorf("%s", words(doc.Find("main")))
		}
		return
	}
	t.Error("there is no such story")
}

func TestARefusalToSignIsUnmistakable(t *testing.T) {
	s := webtest.New()
	s.Sealing.Refused = "Event 3 is not as it was signed."
	for _, path := range []string{"/audit", "/"} {
		says(t, serve(s), path, "Sealing has stopped, and no run starts. Event 3 is not as it was signed.")
	}
}

func TestAnEventsProof(t *testing.T) {
	e := serve(webtest.New())
	says(t, e, "/events/3", fmt.Sprintf("It is in the last signed checkpoint, of %d events.", webtest.Head-1))
	says(t, e, "/events/"+head, "It is not signed yet.")
	var p proof.Proof
	if err := json.Unmarshal(get(e, "/events/3/proof.json").Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if c, err := p.Check(); err != nil || c.Size != webtest.Head-1 || p.Event.Position != 3 {
		t.Errorf("event %d in %d: %v", p.Event.Position, c.Size, err)
	}
}

func TestCauseAndEffect(t *testing.T) {
	e := serve(webtest.New())
	cause, effect := eventOf(webtest.Recovered, 3), eventOf(webtest.Recovery, 1)
	says(t, e, fmt.Sprintf("/events/%d", effect.Position), fmt.Sprintf("Caused by event %d: shop-prices: connection back", cause.Position))
	says(t, e, fmt.Sprintf("/events/%d", cause.Position), fmt.Sprintf("It caused: event %d: shop-prices: started to recover", effect.Position))
	says(t, e, "/events/1", "No other event caused it. It caused no other event.")
}

func TestCheckpointsAreListed(t *testing.T) {
	s := webtest.New()
	rows := document(t, get(serve(s), "/audit")).Find("#checkpoints ~ details tbody tr")
	if rows.Length() != 3 || !strings.Contains(rows.First().Text(), fmt.Sprintf("event %d", s.Sealing.Sealed)) {
		t.Errorf("%d: %s", rows.Length(), words(rows.First()))
	}
	if !strings.Contains(rows.First().Find("pre").Text(), "scrapelog.example/canned") {
		t.Errorf("its note is not there: %s", rows.First().Text())
	}
	if empty := words(document(t, get(serve(webtest.Empty()), "/audit")).Find("main")); !strings.Contains(empty, "Nothing has been signed yet.") {
		t.Error(empty)
	}
}

// TestAVerdictSurvivesTheProcess shows it on the pages of a handler that has found
// nothing itself: after a restart, or on another instance.
func TestAVerdictSurvivesTheProcess(t *testing.T) {
	s := webtest.New()
	s.Verdict = proof.Result{Verdict: proof.Damaged, Says: "The log is damaged.", Damage: []proof.Damage{{Kind: proof.Edited, Says: "Event 3 was changed."}}}
	before := working(t, s)
	post(before, "/audit/verify", nil)
	post(before, "/audit/replay", nil)
	says(t, before, "/audit", "The pages show what the log says.")
	says(t, before, "/audit", "edited Event 3 was changed.")
	after := serve(s)
	for _, want := range []string{"edited Event 3 was changed.", "The pages show what the log says."} {
		says(t, after, "/audit", want)
	}
	when := regexp.MustCompile(`(Verified|Replayed) ?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
	was, is := when.FindAllString(words(document(t, get(before, "/audit")).Find("main")), -1), when.FindAllString(words(document(t, get(after, "/audit")).Find("main")), -1)
	if len(was) != 2 || !slices.Equal(was, is) {
		t.Errorf("it was found at %q, and the other handler says %q", was, is)
	}
}

// TestTheWitnesses: the page has a section for them where there are any, with the words of
// one that refuses.
func TestTheWitnesses(t *testing.T) {
	s := webtest.New()
	if text := words(document(t, get(working(t, s), "/audit")).Find("main")); strings.Contains(text, "Witnesses") {
		t.Error("witnesses that nobody has configured")
	}
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	s.Witnesses = []proof.WitnessState{
		{Witness: "alpha", Size: 12, At: at}, {Witness: "<b>", Says: "Witness <b> refuses the log: \u202ebad proof.", Refused: true, Since: at}, {Witness: "gamma", Says: "timeout", Since: at},
	}
	section := document(t, get(working(t, s), "/audit")).Find("section[aria-labelledby=witnesses]")
	text := words(section)
	for _, want := range []string{"<b> refuses the log.", "bad proof.", "gamma does not sign.", "event 12", "nothing yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if n := section.Find(".warning").Length(); n != 2 {
		t.Errorf("%d warnings", n)
	}
}
