package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
)

func story(t *testing.T, name string) webtest.Story {
	t.Helper()
	for _, s := range webtest.Stories() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no story %s", name)
	return webtest.Story{}
}

// A database that is away is said on every page that can still be shown, with since when and
// what goes on, and pushed to pages that are open.
func TestADatabaseThatIsAway(t *testing.T) {
	s := story(t, "overview-away").Service()
	e := serve(s)
	for name, path := range paths() {
		doc := document(t, get(e, path))
		if text := words(doc.Find(".top [data-cell=away]")); !strings.Contains(text, "The database is away since 2026-11-23 11:58:00 UTC.") || !strings.Contains(text, "Runs that are open go on") {
			t.Errorf("%s says %q", name, text)
		}
	}
	if text := words(document(t, get(serve(webtest.New()), "/")).Find("[data-cell=away]")); text != "" {
		t.Errorf("while it is there: %q", text)
	}
	standing := web.Standing{Sealing: s.Sealed, Serving: s.Instances, Away: s.Away, Refused: s.Refused}
	message, err := standing.Message()
	if err != nil || !strings.Contains(string(message.Data), `data-cell="away"`) || !strings.Contains(string(message.Data), "The database is away since") {
		t.Errorf("pushed %s, %v", message.Data, err)
	}
	before := standing.Alarm()
	if s.Gone = ""; standing.Alarm() == before {
		t.Error("that it is back waits for the next beat")
	}
}

// While the database does not answer, the page says what is unreachable, since when and what
// still works, and comes back by itself. What pages are pushed does not ask the database.
func TestThePageWithoutADatabase(t *testing.T) {
	s := story(t, "unavailable").Service()
	w := get(serve(s), "/runs?q=status:failed")
	doc := document(t, w)
	text := words(doc.Find("body"))
	for _, want := range []string{"The log cannot be reached", "away since 2026-11-23 11:58:00 UTC", "Runs that are open go on", "/healthz", "Instances unknown", "comes back by itself"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	if at := doc.Find("#main"); w.Code != 503 || at.AttrOr("hx-trigger", "") != "every 2s" || at.AttrOr("hx-get", "") != "/runs?q=status:failed" {
		t.Errorf("%d, fetched again %q from %q", w.Code, at.AttrOr("hx-trigger", ""), at.AttrOr("hx-get", ""))
	}
	for _, path := range []string{"/docs", "/docs/contract"} {
		if w := get(serve(s), path); w.Code != 200 || !strings.Contains(w.Body.String(), "The database is away since") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := post(serve(s), "/scrapers/news/pause", url.Values{}); document(t, w).Find("#main[hx-get]").Length() > 0 {
		t.Error("the answer to a form is fetched again")
	}
	standing := web.Standing{Sealing: s.Sealed, Serving: s.Instances, Away: s.Away, Refused: s.Refused}
	if message, err := standing.Message(); err != nil || !strings.Contains(string(message.Data), "The database is away since") {
		t.Errorf("pushed %s, %v", message.Data, err)
	}
}

// A configuration file that was refused is said on the System page and on its scrapers.
func TestAConfigurationFileThatIsRefused(t *testing.T) {
	s := story(t, "projections-file-refused").Service()
	e := serve(s)
	for path, want := range map[string]bool{"/projections": true, "/scrapers": true, "/scrapers/shop-prices": true, "/scrapers/stock-levels": false, "/runs": false} {
		text := words(document(t, get(e, path)).Find("[data-cell=file]"))
		said := strings.Contains(text, "refused since 2026-11-23 11:58:00 UTC") && strings.Contains(text, "scrapelog.yaml:7:5: scrapers[0].shedule: unknown key; did you mean schedule?")
		if said != want {
			t.Errorf("%s: %q", path, text)
		}
	}
	s.Misread = ""
	if text := words(document(t, get(e, "/projections")).Find("[data-cell=file]")); text != "" {
		t.Errorf("after a good file: %q", text)
	}
}

// The foot of the rail says since when the log is sealed, or that it is not.
func TestTheFootOfTheRail(t *testing.T) {
	for name, want := range map[string]string{
		"overview": "Sealed 1 s ago", "overview-empty": "Nothing sealed yet", "audit-refused": "Log not sealed",
	} {
		s := story(t, name).Service()
		e := webtest.Echo(s.Handler(s, func() time.Time { return webtest.Now }))
		if text := words(document(t, get(e, "/")).Find(".rail .dots [data-cell=sealing]")); text != want {
			t.Errorf("%s: %q, want %q", name, text, want)
		}
	}
}
