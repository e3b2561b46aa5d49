package web_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"scrapelog/docs"
	"scrapelog/handlers/web/webtest"
)

func TestEveryDocumentIsAPage(t *testing.T) {
	service := webtest.New()
	e := webtest.Echo(service.Handler(service, nil))
	known := map[string]bool{"/docs": true}
	for _, d := range docs.All() {
		known["/docs/"+d.Name] = true
	}
	for path := range known {
		w := get(e, path)
		doc := document(t, w)
		sound(t, doc)
		if h1 := doc.Find("main h1"); w.Code != http.StatusOK || h1.Length() != 1 || doc.Find("title").Text() != "1 lost · "+h1.Text()+" · scrapelog" {
			t.Errorf("%s: %d, headed %q, titled %q", path, w.Code, h1.Text(), doc.Find("title").Text())
		}
		if w.Header().Get("Content-Security-Policy") == "" || doc.Find("[style]").Length() > 0 {
			t.Errorf("%s: no policy, or a style that it forbids", path)
		}
		if path != "/docs" && get(e, path+".md").Code != http.StatusOK {
			t.Errorf("%s.md, as documents link to each other, is not found", path)
		}
	}
	for _, image := range document(t, get(e, "/docs/tour")).Find("main img").EachIter() {
		source, _ := image.Attr("src")
		w := get(e, "/docs/"+source)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" || !bytes.HasPrefix(w.Body.Bytes(), []byte("\x89PNG")) {
			t.Errorf("picture %s: %d, %s", source, w.Code, w.Header().Get("Content-Type"))
		}
		if alt, _ := image.Attr("alt"); alt == "" {
			t.Errorf("picture %s has no words in its place", source)
		}
	}
	list := document(t, get(e, "/docs"))
	for path := range known {
		if path != "/docs" && list.Find("main a[href='"+path+"']").Length() != 1 {
			t.Errorf("%s is not in the list", path)
		}
	}
}

func TestAPathWithoutADocument(t *testing.T) {
	service := webtest.New()
	e := webtest.Echo(service.Handler(service, nil))
	for _, path := range []string{"/docs/nothing", "/docs/causes", "/docs/causes/", "/docs/..%2fgo", "/docs/%2e%2e/go.mod", "/docs/contract/", "/docs/pictures/none.png", "/docs/pictures/kill-dark.png", "/docs/../docs.png"} {
		if w := get(e, path); w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/docs/contract", nil))
	if w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), "GET") {
		t.Errorf("a POST answers %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}
