package web_test

import (
	"net/url"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
)

// TestAPageIsFoundByAnyPartOfARunsID: what the pages show of an id leads to them.
func TestAPageIsFoundByAnyPartOfARunsID(t *testing.T) {
	e, run := serve(webtest.New()), webtest.Lost
	id, short := run.String(), domain.ShortID(run)
	for _, part := range []string{short, "…" + short, strings.ToUpper(short), id[28:] + "", strings.ReplaceAll(id, "-", "")[18:], "run-" + short} {
		w := get(e, "/runs/"+url.PathEscape(part)+"?view=json")
		if w.Code != 302 || w.Header().Get("Location") != "/runs/"+id+"?view=json" {
			t.Errorf("/runs/%s: %d to %s", part, w.Code, w.Header().Get("Location"))
		}
	}
	if w := get(e, "/runs/"+id); w.Code != 200 {
		t.Errorf("the whole id: %d", w.Code)
	}
	if w := get(e, "/streams/run-"+short); w.Code != 302 || w.Header().Get("Location") != "/streams/run-"+id {
		t.Errorf("a stream: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := get(e, "/streams/run-"+short+"/events.ndjson"); w.Code != 200 || !strings.Contains(w.Body.String(), `"stream":"run-`+id+`"`) {
		t.Errorf("a download: %d, %s", w.Code, w.Body)
	}
	for _, query := range []string{"run=" + short, "stream=run-" + url.QueryEscape("…") + short, "run=" + id} {
		doc := document(t, get(e, "/events?"+query))
		if text := doc.Find("main table").Text(); !strings.Contains(text, "run-…"+short) || strings.Contains(text, "scraper-") {
			t.Errorf("/events?%s shows %s", query, text)
		}
	}
}

func TestAPartOfSeveralIDsNamesThem(t *testing.T) {
	e, part := serve(webtest.New()), webtest.Lost.String()[:8]
	for _, path := range []string{"/runs/" + part, "/events?run=" + part, "/streams/run-" + part} {
		w := get(e, path)
		if w.Code != 400 || !strings.Contains(w.Body.String(), webtest.Lost.String()[:13]) || !strings.Contains(w.Body.String(), "part of more than 5 ids") {
			t.Errorf("%s: %d, %s", path, w.Code, words(document(t, w).Find("main")))
		}
	}
	for path, want := range map[string]int{"/runs/123456": 404, "/events?run=123456": 404, "/streams/run-123456": 404} {
		if w := get(e, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := post(e, "/runs/"+part+"/cancel", nil); w.Code != 400 {
		t.Errorf("cancelled by an ambiguous part: %d", w.Code)
	}
}
