package web_test

import (
	"strings"
	"testing"

	"scrapelog/handlers/web/webtest"
)

func TestOutagePages(t *testing.T) {
	e := serve(webtest.New())
	w := get(e, "/outages")
	doc := document(t, w)
	rows := doc.Find("tbody tr")
	if rows.Length() == 0 {
		t.Fatal("no outages")
	}
	href, _ := rows.First().Find("th a").Attr("href")
	one := document(t, get(e, href))
	sound(t, one)
	if !strings.HasPrefix(one.Find("h1").Text(), "Outage of http://") || one.Find("#lost-runs").Length() != 1 || one.Find("section tbody tr").Length() == 0 {
		t.Errorf("%s: %s", href, one.Find("main").Text())
	}
	id := strings.TrimPrefix(href, "/outages/")
	if w := get(e, "/outages/"+id[len(id)-8:]); w.Code != 302 || w.Header().Get("Location") != href {
		t.Errorf("a part of its id: %d %s", w.Code, w.Header().Get("Location"))
	}
	for path, want := range map[string]int{"/outages/x": 404, "/outages/123456": 404, "/outages?open=perhaps": 400, "/outages?opn=true": 400, "/outages?cursor=": 200} {
		if w := get(e, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
