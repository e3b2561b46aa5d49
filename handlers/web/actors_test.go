package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/web/webtest"
)

// TestActorsHaveNames asks for what a user did: pages name them, the JSON of the event has
// their id, and so have the pages once they are removed.
func TestActorsHaveNames(t *testing.T) {
	s := webtest.New()
	actor := "user:" + webtest.Ada.ID.String()
	at := slices.IndexFunc(s.Recorded, func(r eventstore.Recorded) bool { return r.Type == "run.cancelled" })
	event, err := s.Recorded[at].Event()
	if err != nil {
		t.Fatal(err)
	}
	cancelled := event.(domain.RunCancelled)
	cancelled.By = actor
	before := s.Recorded[at]
	s.Recorded[at] = webtest.Record(before.Position, before.Version, cancelled)
	s.Recorded[at].Metadata["actor"] = actor
	gone := domain.UserDisabled{AboutUser: domain.AboutUser{UserID: webtest.Olga.ID, By: actor, At: webtest.Now}}
	next := int64(len(s.Recorded) + 1)
	s.Recorded = append(s.Recorded, webtest.Record(next, 1, gone))
	s.Recorded[next-1].Metadata["actor"] = actor

	e := serve(s)
	seen := func() (list, facts, data string) {
		list = document(t, get(e, "/events")).Find("tbody").Text() + document(t, get(e, fmt.Sprint("/events/", before.Position))).Find(".sentence").Text()
		page := document(t, get(e, fmt.Sprint("/events/", before.Position)))
		return list, page.Find("dl.facts").First().Text(), page.Find("pre").Text()
	}
	list, facts, data := seen()
	for _, want := range []string{"cancelled by ada", "user olga: disabled by ada"} {
		if !strings.Contains(list, want) || strings.Contains(list, actor) {
			t.Errorf("no %q, or an id, in %s", want, list)
		}
	}
	if !strings.Contains(facts, "ada") || strings.Contains(facts, actor) || !strings.Contains(data, actor) {
		t.Errorf("facts %s\ndata %s", facts, data)
	}
	s.Accounts.People = nil
	if list, facts, _ := seen(); !strings.Contains(list, "cancelled by "+actor) || !strings.Contains(list, "user "+domain.ShortID(webtest.Olga.ID)+": disabled by "+actor) || !strings.Contains(facts, actor) {
		t.Errorf("after the removal: %s\n%s", list, facts)
	}
}
