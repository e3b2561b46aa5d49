package web_test

import (
	"net/http"
	"testing"

	"scrapelog/handlers/web/webtest"
)

func TestAPageOfText(t *testing.T) {
	service := webtest.New()
	h := service.Handler(service, nil)
	e := webtest.Echo(h)
	h.Document(e, "/docs/text", "A text", "<h1>A text</h1><p>said</p>")
	w := get(e, "/docs/text")
	doc := document(t, w)
	sound(t, doc)
	if w.Code != http.StatusOK || doc.Find("main p").Text() != "said" || doc.Find("title").Text() != "A text · scrapelog" {
		t.Errorf("%d: %s", w.Code, doc.Find("main").Text())
	}
	if w.Header().Get("Content-Security-Policy") == "" {
		t.Error("a page without the policy")
	}
}
