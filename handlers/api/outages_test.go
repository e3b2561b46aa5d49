package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

// outages are outages as the API answers them.
type outages struct {
	Outages []struct {
		ID       string
		Origin   string
		Scrapers []string
	}
	Next string
}

func TestOutagesAreFilteredAndPaged(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		ids := map[string]string{}
		for name, url := range map[string]string{"a": "http://one.example/a", "b": "http://two.example:8000/b", "c": "https://one.example/c"} {
			s.expect(201, "PUT", "/api/v1/scrapers/"+name, fmt.Sprintf(`{"url":%q}`, url))
			ids[name] = s.lose(name)
		}
		superseding := s.run("b") // a newer run ends the outage
		events := s.expect(200, "GET", "/api/v1/events?type=run.started&stream=run-"+superseding, "")
		var started struct{ Events []struct{ Position int64 } }
		events.decode(t, &started)
		s.expect(200, "GET", fmt.Sprintf("/api/v1/outages?at_least=%d", started.Events[0].Position), "")
		for filter, want := range map[string]string{
			"": "a b c", "open=true": "a c", "open=false": "b",
			"origin=" + url.QueryEscape("http://one.example"): "a", "origin=" + url.QueryEscape("HTTP://ONE.example:80/x"): "a",
			"origin=" + url.QueryEscape("http://two.example"): "", "origin=" + url.QueryEscape("http://two.example:8000"): "b",
			"scraper=c": "c", "scraper=c&open=true": "c", "scraper=c&open=false": "", "scraper=none": "",
			"since=2100-01-01T00:00:00Z": "", "until=2100-01-01T00:00:00Z": "a b c", "since=2000-01-01T00:00:00Z&scraper=a": "a",
		} {
			found := map[string]bool{}
			for path, pages := "/api/v1/outages?limit=1&"+filter, 0; ; pages++ {
				var page outages
				s.expect(200, "GET", path, "").decode(t, &page)
				for _, o := range page.Outages {
					found[strings.Join(o.Scrapers, "+")] = true
				}
				if page.Next == "" || pages > 3 {
					break
				}
				path = "/api/v1/outages?limit=1&" + filter + "&cursor=" + page.Next
			}
			for _, name := range strings.Fields(want) {
				if !found[name] {
					t.Errorf("%s: no outage of %s", filter, name)
				}
			}
			if len(found) != len(strings.Fields(want)) {
				t.Errorf("%s: got outages of %v, want %q", filter, found, want)
			}
		}
		id := uuid.MustParse(ids["a"])
		for _, part := range []string{ids["a"], domain.ShortID(id), "…" + domain.ShortID(id), strings.ToUpper(domain.ShortID(id))} {
			var one struct{ ID string }
			s.expect(200, "GET", "/api/v1/outages/"+url.PathEscape(part), "").decode(t, &one)
			if one.ID != ids["a"] {
				t.Errorf("%s is %s, want %s", part, one.ID, ids["a"])
			}
		}
		for _, none := range []string{uuid.NewString(), "123456"} {
			if a := s.expect(404, "GET", "/api/v1/outages/"+none, ""); !strings.Contains(string(a.body), "outage") {
				t.Errorf("%s: %s", none, a.body)
			}
		}
	})
}
