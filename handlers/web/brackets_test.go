package web_test

import (
	"fmt"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
)

// TestALossAndItsRecoveryAreJoined: the loss, the return and the start of the new run, in
// the newest first, with what stands between them.
func TestALossAndItsRecoveryAreJoined(t *testing.T) {
	doc := document(t, get(serve(webtest.New()), "/events"))
	part := func(position int64) string {
		class, _ := doc.Find(fmt.Sprintf("#e-%d .bracket", position)).Attr("class")
		return strings.TrimPrefix(class, "bracket bracket-1 ")
	}
	lost := eventOf(webtest.Recovered, 2).Position
	for position, want := range map[int64]string{
		lost - 1: "", lost: "bracket-bottom", eventOf(webtest.Recovered, 3).Position: "bracket-node", eventOf(webtest.Recovery, 1).Position: "bracket-top",
	} {
		if got := part(position); got != want {
			t.Errorf("event %d: %q, want %q", position, got, want)
		}
	}
}

// TestARowOpensADrawer: by a link that leads to the same page, and back.
func TestARowOpensADrawer(t *testing.T) {
	e := serve(webtest.New())
	position := eventOf(webtest.Recovered, 2).Position
	for _, path := range []string{"/events?text=c3d40004", "/streams/" + domain.RunStream(webtest.Recovered)} {
		doc := document(t, get(e, path))
		link := doc.Find(fmt.Sprintf("#e-%d th a", position))
		href, _ := link.Attr("href")
		if doc.Find(".drawer").Length() != 0 || link.AttrOr("hx-get", "") != href {
			t.Errorf("%s: a drawer is open, or the link leads elsewhere: %s", path, href)
		}
		opened := document(t, get(e, href))
		drawer := opened.Find(fmt.Sprintf("#e-%d + .drawer", position))
		if !strings.Contains(drawer.Find("pre .json-key").Text(), `"cause"`) || drawer.Find(fmt.Sprintf(`a[href="/events/%d"]`, position)).Length() != 1 {
			t.Errorf("%s: the drawer holds %q", href, words(drawer))
		}
		if back := opened.Find("[aria-expanded=true]").AttrOr("href", ""); back != path {
			t.Errorf("%s closes to %s", href, back)
		}
	}
	if w := get(e, "/events?open=x"); w.Code != 400 {
		t.Errorf("no position: %d", w.Code)
	}
}
