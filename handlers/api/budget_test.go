package api_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/web/webtest"
)

// nest is a value that is nested so deep.
func nest(depth int, open, inner, shut string) string {
	return strings.Repeat(open, depth) + inner + strings.Repeat(shut, depth)
}

// costly are bodies of at most 1 MiB that were costly, or could be.
func costly(seed *rand.Rand) map[string]string {
	const most = 1<<20 - 100
	bodies := map[string]string{
		"a wrong value that is 800 deep, and another":  `{"url":"http://h/","connect_timeout":` + nest(800, `{"a":`, "1", "}") + `,"jitter":"bad"}`,
		"a wrong value that is 9,000 deep":             `{"url":"http://h/","connect_timeout":` + nest(9000, `{"a":`, "1", "}") + `,"jitter":"bad"}`,
		"params that are 9,000 deep":                   `{"url":"http://h/","params":` + nest(9000, `{"a":`, "1", "}") + `}`,
		"params that are a deep list":                  `{"url":"http://h/","params":{"a":` + nest(500000, "[", "", "]") + `}}`,
		"params of half a million numbers":             `{"url":"http://h/","params":{"a":[` + strings.Repeat("0,", most/2-50) + `0]}}`,
		"params of a hundred thousand keys":            `{"url":"http://h/","params":{` + keys(90000) + `}}`,
		"a hundred thousand keys":                      `{` + keys(90000) + `}`,
		"one long text":                                `{"url":"` + strings.Repeat("x", most) + `"}`,
		"a text of escapes":                            `{"url":"http://h/","time_zone":"` + strings.Repeat(`\u0000`, most/6) + `"}`,
		"a key of half a megabyte":                     `{"` + strings.Repeat("x", most/2) + `":1}`,
		"white space":                                  `{` + strings.Repeat(" ", most) + `}`,
		"many empty platforms":                         `{"url":"http://h/","platforms":[` + strings.Repeat(`"",`, most/3-50) + `""]}`,
		"many headers":                                 `{"url":"http://h/","headers_env":{` + keys(90000) + `}}`,
		"a number of a million digits":                 `{"url":"http://h/","params":{"a":` + strings.Repeat("9", most) + `}}`,
		"a schedule of a megabyte":                     `{"url":"http://h/","schedule":"` + strings.Repeat("1,", most/2-50) + ` * * * *"}`,
		"the same key again and again":                 `{` + strings.Repeat(`"params":{},`, 80000) + `"url":"http://h/"}`,
		"objects within objects, each with a few keys": nest(3000, `{"probe":1,"recovery":{},"params":`, "1", "}"),
	}
	for range 60 { // depth, width and place by chance
		var b strings.Builder
		b.WriteString(`{"url":"http://h/"`)
		for b.Len() < 1+seed.IntN(400_000) {
			key := []string{"params", "connect_timeout", "jitter", "probe", "recovery", "headers_env", "platforms", "x"}[seed.IntN(8)]
			open, shut := `{"a":`, "}"
			if seed.IntN(2) == 0 {
				open, shut = "[", "]"
			}
			fmt.Fprintf(&b, `,%q:%s`, key, nest(seed.IntN(2000), open, strings.Repeat("1", 1+seed.IntN(3)), shut))
		}
		b.WriteString("}")
		bodies[fmt.Sprintf("by chance, %d bytes", b.Len())] = b.String()
	}
	return bodies
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestARequestCostsNoMoreThanItsBudget sends what is costly to every route that reads
// a body, and what is costly to read to those that read parameters.
func TestARequestCostsNoMoreThanItsBudget(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := start(t, eventstoretest.SQLite(t))
	s.configure("shop")
	over := func(name, method, target, body string) {
		var w *httptest.ResponseRecorder
		cpu, memory, within := webtest.Within(func() {
			r := httptest.NewRequest(method, target, nil)
			if body != "" {
				r = httptest.NewRequest(method, target, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
			}
			r.Host, w = "localhost", httptest.NewRecorder()
			s.echo.ServeHTTP(w, r)
		})
		if !within {
			t.Errorf("%s %.80s with %s (%d bytes) cost %s and %d KiB, answered %d %.200s", method, target, name, len(body), cpu, memory>>10, w.Code, w.Body)
		}
		if len(w.Body.String()) > 8<<10 && body != "" {
			t.Errorf("%s %s with %s: an answer of %d bytes", method, target, name, w.Body.Len())
		}
	}
	for name, body := range costly(rand.New(rand.NewPCG(seed, 0))) {
		for _, route := range []string{"PUT /api/v1/scrapers/shop", "POST /api/v1/scrapers/shop/runs", "POST /api/v1/scrapers/shop/pause", "POST /api/v1/announce"} {
			method, target, _ := strings.Cut(route, " ")
			over(name, method, target, body)
		}
	}
	many := func(name string) string {
		var b strings.Builder
		for i := range 15000 {
			fmt.Fprintf(&b, "%s=%d&", name, i)
		}
		return b.String()
	}
	for name, query := range map[string]string{
		"15,000 types":             "/api/v1/events?type=" + strings.Repeat("a,", 15000),
		"15,000 types, one by one": "/api/v1/events?" + strings.TrimSuffix(many("type"), "&"),
		"15,000 statuses":          "/api/v1/runs?" + strings.TrimSuffix(many("status"), "&"),
		"15,000 parameters":        "/api/v1/runs?" + keysInQuery(15000),
		"15,000 types on a page":   "/events?" + strings.Repeat("type=run.started&", 15000) + "type=run.failed",
		"a long cursor":            "/api/v1/runs?cursor=" + strings.Repeat("A", 60000),
		"a long id":                "/api/v1/runs/" + strings.Repeat("a", 60000),
		"a long parameter":         "/api/v1/runs?" + strings.Repeat("s", 60000) + "=1",
	} {
		over(name, http.MethodGet, query, "")
	}
}

func keysInQuery(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=1&", i)
	}
	return strings.TrimSuffix(b.String(), "&")
}

// TestAPageOfTheLogIsBounded reads a log that an older program has filled with events
// of a megabyte.
func TestAPageOfTheLogIsBounded(t *testing.T) {
	l := newStubLog()
	l.add(40)
	for i := range l.events {
		l.events[i].Data = json.RawMessage(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)
	}
	e, _ := stubbed(l)
	seen, next := 0, "0"
	for pages := 0; next != ""; pages++ {
		w, done := ask(t.Context(), e, "/api/v1/events?limit=500&after="+next)
		<-done
		var page struct {
			Events []eventstore.Recorded
			Next   string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Body.Len() > 4<<20 || pages > 40 {
			t.Fatalf("page %d of %d bytes: %v", pages, w.Body.Len(), err)
		}
		for _, event := range page.Events {
			if seen++; event.Position != int64(seen) {
				t.Fatalf("event %d came as %d", event.Position, seen)
			}
		}
		next = page.Next
	}
	if seen != 40 {
		t.Errorf("%d events came", seen)
	}
}

// TestListsReadWhatTheyShow has many scrapers with large configurations.
func TestListsReadWhatTheyShow(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		const scrapers = 60
		s := start(t, db)
		config := fmt.Sprintf(`{"url":"http://h/","params":{"a":%q},"platforms":[%q]}`, strings.Repeat("p", 15000), strings.Repeat("q", 45000))
		for i := range scrapers {
			s.expect(201, "PUT", fmt.Sprintf("/api/v1/scrapers/shop-%02d", i), config)
		}
		var page struct {
			Scrapers []struct{ Name string }
			Next     string
		}
		one := s.expect(200, "GET", "/api/v1/scrapers?limit=1", "")
		if one.decode(t, &page); len(page.Scrapers) != 1 || page.Next != "shop-00" || len(one.body) > 70_000 {
			t.Errorf("one of %d is %d bytes, next %q", scrapers, len(one.body), page.Next)
		}
		seen, next := 0, ""
		for range scrapers {
			all := s.expect(200, "GET", "/api/v1/scrapers?limit=500&cursor="+next, "")
			page.Next, page.Scrapers = "", nil
			all.decode(t, &page)
			if seen += len(page.Scrapers); len(all.body) > 3<<20 {
				t.Errorf("a page of %d bytes", len(all.body))
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if seen != scrapers {
			t.Errorf("%d of %d came", seen, scrapers)
		}
		following, res := s.stream("/api/v1/watch?id=tab")
		defer res.Body.Close()
		if state := following(); len(state.Data) > 60*1024 || strings.Contains(state.Data, "ppp") || strings.Contains(state.Data, `"config"`) {
			t.Errorf("the state of a watcher has %d bytes", len(state.Data))
		}
	})
}

func TestTheAPIMakesNoMoreScrapersThanItMay(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		managed("by-file", "")(s)
		s.handler.MaxScrapers = 2
		s.configure("a")
		s.configure("b")
		if a := s.expect(409, "PUT", "/api/v1/scrapers/c", shop); !strings.Contains(string(a.body), "limits.api_scrapers") {
			t.Errorf("refused with %s", a.body)
		}
		s.expect(200, "PUT", "/api/v1/scrapers/a", strings.Replace(shop, "1h", "2h", 1)) // a change is no new one
		gone := s.expect(204, "DELETE", "/api/v1/scrapers/b", "")
		s.expect(200, "GET", fmt.Sprintf("/api/v1/scrapers?at_least=%d", gone.position(t)), "")
		s.configure("c")
	})
}

// FuzzARequestKeepsItsBudget sends bodies of at most 1 MiB: a value that is so deep, so
// often, at a place of each kind of body. What was once too costly is here and in
// testdata.
func FuzzARequestKeepsItsBudget(f *testing.F) {
	f.Add(byte(0), byte(1), byte(0), uint16(800), uint16(1), uint32(0))      // found by decoding again at each level
	f.Add(byte(0), byte(0), byte(0), uint16(9000), uint16(1), uint32(0))     // indented at each level
	f.Add(byte(0), byte(0), byte(1), uint16(1), uint16(60000), uint32(10))   // many values
	f.Add(byte(1), byte(0), byte(2), uint16(1), uint16(1), uint32(1<<20))    // one long text
	f.Add(byte(2), byte(6), byte(3), uint16(1), uint16(1), uint32(1<<20))    // escapes
	f.Add(byte(3), byte(7), byte(1), uint16(400), uint16(2000), uint32(100)) // deep, wide and long
	routes := []string{"PUT /api/v1/scrapers/shop", "POST /api/v1/scrapers/shop/runs", "POST /api/v1/scrapers/shop/pause", "POST /api/v1/announce"}
	keys := []string{"params", "connect_timeout", "url", "probe", "headers_env", "platforms", "reason", "scrapers", "x", "schedule", "sign_env"}
	f.Fuzz(func(t *testing.T, route, key, kind byte, depth, width uint16, length uint32) {
		const most = 1<<20 - 200
		opened, closed, letter := `{"a":`, "}", "x"
		switch kind % 4 {
		case 1:
			opened, closed = "[", "]"
		case 2:
			letter = "é"
		case 3:
			letter = `\u0000`
		}
		value := nest(int(depth), opened, `"`+strings.Repeat(letter, int(length)%most/len(letter))+`"`, closed)
		var b strings.Builder
		b.WriteString(`{"url":"http://h/"`)
		for range int(width) + 1 {
			name := keys[int(key)%len(keys)]
			if b.Len()+len(value)+len(name)+10 > most {
				break
			}
			fmt.Fprintf(&b, `,%q:%s`, name, value)
		}
		b.WriteString("}")
		s := start(t, eventstoretest.SQLite(t))
		s.configure("shop")
		method, target, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		var w *httptest.ResponseRecorder
		cpu, memory, within := webtest.Within(func() {
			r := httptest.NewRequest(method, target, strings.NewReader(b.String()))
			r.Header.Set("Content-Type", "application/json")
			r.Host, w = "localhost", httptest.NewRecorder()
			s.echo.ServeHTTP(w, r)
		})
		if !within || w.Body.Len() > 8<<10 {
			t.Errorf("%s %s with %d bytes cost %s and %d KiB, answered %d with %d bytes: %.200s", method, target, b.Len(), cpu, memory>>10, w.Code, w.Body.Len(), w.Body)
		}
	})
}
