package api_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/api"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
)

func TestOnlyItsOwnHostsAreAnswered(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:" + port: 200, "demo.localhost": 200, "127.0.0.1": 200, "127.9.9.9:1": 200, "[::1]:80": 200, "[::ffff:127.0.0.1]": 200,
		"scrapelog.example": 200, "Scrapelog.Example.:443": 200,
		"evil.example": 403, "evil.example:" + port: 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "10.0.0.1": 403, "[::2]": 403, "0.0.0.0": 403,
		"scrapelog.example.evil.example": 403, "notlocalhost": 403, "2130706433": 403,
	} {
		if a := s.do("GET", "/healthz", "", "Host", host); a.status != want {
			t.Errorf("Host %s: %d %s, want %d", host, a.status, a.body, want)
		}
	}
}

func TestTheAddressThatWasDialledIsItsOwn(t *testing.T) {
	e := api.NewEcho(api.EchoConfig{})
	e.GET("/healthz", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	outward := outwardAddress(t)
	listener, err := net.Listen("tcp", net.JoinHostPort(outward, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := gate.NewServer(e, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() { _ = server.Close(); <-ended }()
	for host, want := range map[string]int{listener.Addr().String(): 200, outward: 200, "192.0.2.1": 403} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+listener.Addr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("Host %s: %d, want %d", host, res.StatusCode, want)
		}
	}
}

// outwardAddress is an address of this machine that is not loopback, if it has
// one; loopback otherwise, where the same must hold.
func outwardAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}

func TestBrowsersMayNotWriteForForeignPages(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	tests := []struct {
		method, path string
		header       []string
		want         int
	}{
		{"PUT", "/api/v1/scrapers/shop", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"PUT", "/api/v1/scrapers/shop", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"DELETE", "/api/v1/scrapers/shop", []string{"Origin", "http://evil.example"}, 403},
		{"POST", "/api/v1/scrapers/shop/runs", []string{"Origin", "null"}, 403},
		{"GET", "/api/v1/scrapers", []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://evil.example"}, 403},
		{"GET", "/api/v1/scrapers", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"GET", "/api/v1/watch?id=tab", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"GET", "/api/v1/events/stream", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"HEAD", "/api/v1/events", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"GET", "/metrics", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"GET", "/healthz", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"PUT", "/api/v1/scrapers/shop", []string{"Sec-Fetch-Site", "same-origin"}, 201},
		{"PUT", "/api/v1/scrapers/shop", []string{"Origin", "http://" + s.addr}, 200},
		{"PUT", "/api/v1/scrapers/shop", nil, 200},
	}
	for _, tt := range tests {
		body := ""
		if tt.method == "PUT" {
			body = shop
		}
		a := s.do(tt.method, tt.path, body, tt.header...)
		if a.status != tt.want || tt.method != "HEAD" && (tt.want == 403) != (a.header.Get("Content-Type") == problem.ContentType) {
			t.Errorf("%s with %q: %d %s, want %d", tt.method, tt.header, a.status, a.body, tt.want)
		}
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for _, path := range []string{"/healthz", "/api/v1/runs", "/api/v1/none", "/api/v1/runs/seven"} {
		header := s.do("GET", path, "").header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, header.Get(name))
			}
		}
		if header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed", path)
		}
	}
	for given, kept := range map[string]bool{"abc-1._": true, "": false, "a b": false, strings.Repeat("x", 65): false, "<script>": false} {
		id := s.do("GET", "/healthz", "", "X-Request-Id", given).header.Get("X-Request-Id")
		if (id == given) != kept || len(id) == 0 {
			t.Errorf("request id %q became %q", given, id)
		}
	}
}

func TestAPanicIsAProblemAndOneLogLine(t *testing.T) {
	var out bytes.Buffer
	e := api.NewEcho(api.EchoConfig{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	e.GET("/api/panic", func(echo.Context) error { panic("canary") })
	w, done := ask(t.Context(), e, "/api/panic", "X-Request-Id", "r-1")
	<-done
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != problem.ContentType || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if line := out.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "canary") || !strings.Contains(line, "r-1") || !strings.Contains(line, "goroutine") {
		t.Errorf("logged %q", line)
	}
}

func TestBodiesAreLimitedToOneMebibyte(t *testing.T) {
	s := start(t, eventstoretest.SQLite(t))
	for size, want := range map[int]int{1 << 20: 202, 1<<20 + 1: 413} {
		const begin, end = `{"scrapers":["shop"]`, `}`
		body := begin + strings.Repeat(" ", size-len(begin)-len(end)) + end
		if a := s.do("POST", "/api/v1/announce", body); a.status != want {
			t.Errorf("%d bytes: %d %s, want %d", size, a.status, a.body, want)
		}
		res, err := postInChunks(t, s.addr, body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes in chunks: %d, want %d", size, res.StatusCode, want)
		}
	}
}

func postInChunks(t *testing.T, addr, body string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+"/api/v1/announce", io.MultiReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return http.DefaultTransport.RoundTrip(request)
}

// TestNothingButTheHeaderIsLimited: any other timeout would cut streams.
func TestNothingButTheHeaderIsLimited(t *testing.T) {
	server := gate.NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if server.ReadHeaderTimeout != 5*time.Second || server.WriteTimeout != 0 || server.ReadTimeout != 0 {
		t.Errorf("header %s, write %s, read %s", server.ReadHeaderTimeout, server.WriteTimeout, server.ReadTimeout)
	}
}

// TestHostileRequestsAreRefusedWhole sends what a client library would not.
func TestHostileRequestsAreRefusedWhole(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		s.configure("shop")
		for _, target := range []string{
			"/api/v1/scrapers/%00", "/api/v1/scrapers/shop%00", "/api/v1/scrapers/%ff%fe", "/api/v1/scrapers/\xff", "/api/v1/scrapers/shop%2f..",
			"/api/v1/scrapers/..%2fruns", "/api/v1/scrapers/" + strings.Repeat("a", 64), "/api/v1/scrapers/" + strings.Repeat("a", 8000), "/api/v1/scrapers/SHOP",
			"/api/v1/scrapers/", "/api/v1/scrapers/shop/", "/api/v1//scrapers", "/api/v1/../v1/runs", "/api/v2/runs", "/api/", "/api",
			"/api/v1/runs/%00", "/api/v1/runs/0198c2f47c1e7d3a9a102f6f3b0c5d11", "/api/v1/runs/12345", "/api/v1/events?stream=run-%25%25%25%25%25%25", "/api/v1/runs/{0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11}",
			"/api/v1/runs/urn:uuid:0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11", "/api/v1/runs/0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d1g", "/api/v1/runs/'%20OR%201=1",
			"/api/v1/events/-1", "/api/v1/events/+1", "/api/v1/events/1.0", "/api/v1/events/0x1", "/api/v1/events/9223372036854775808", "/api/v1/events/%00", "/api/v1/events/1e3",
			"/api/v1/runs?limit=501", "/api/v1/runs?limit=0", "/api/v1/runs?limit=-1", "/api/v1/runs?limit=1e2", "/api/v1/runs?limit=99999999999999999999",
			"/api/v1/runs?limit=%201", "/api/v1/events?limit=501", "/api/v1/scrapers?limit=501", "/api/v1/scrapers?cursor=A",
			"/api/v1/runs?cursor=x", "/api/v1/runs?cursor=%00", "/api/v1/runs?cursor=\xff", "/api/v1/runs?cursor=MS4xLjE", "/api/v1/runs?cursor=" + strings.Repeat("A", 8000),
			"/api/v1/runs?status=Running", "/api/v1/runs?status=running,%00", "/api/v1/runs?trigger=x", "/api/v1/runs?scraper=%00", "/api/v1/runs?scraper=A",
			"/api/v1/runs?since=yesterday", "/api/v1/runs?since=2026-11-23", "/api/v1/runs?until=2026-13-01T00:00:00Z", "/api/v1/runs?since=%00", "/api/v1/runs?since=2026-11-23T08:00:00+01:00",
			"/api/v1/outages?open=1", "/api/v1/outages?origin=shop", "/api/v1/outages?origin=ftp://h/", "/api/v1/outages?origin=%00", "/api/v1/outages?scraper=A",
			"/api/v1/outages?since=yesterday", "/api/v1/outages?cursor=x", "/api/v1/outages?limit=501", "/api/v1/outages/%00", "/api/v1/outages/12345",
			"/api/v1/runs?%zz", "/api/v1/runs?a;b", "/api/v1/runs?at_least=-1", "/api/v1/runs?at_least=x",
			"/api/v1/events?stream=%00", "/api/v1/events?stream=\xff\xfe", "/api/v1/events?stream=" + strings.Repeat("s", 501), "/api/v1/events?type=%00", "/api/v1/events?type=a%0Ab",
			"/api/v1/events?until=-1", "/api/v1/events?after=9223372036854775808", "/api/v1/events?type=" + strings.Repeat("x", 501),
		} {
			s.refused("GET", target, "")
		}
		for _, body := range []string{
			`{`, `[]`, `null`, `"x"`, `{}{}`, `{} x`, `{"url":1}`, `{"url":"http://h/","nope":1}`, `{"url":"http://h/","probe":{"nope":1}}`, "{\"url\":\"http://h/\xff\"}",
			`{"url":"http://h/","jitter":"soon"}`, `{"url":"http://h/","jitter":5}`, `{"url":"http://h/","name":"other"}`, `{"url":"http://h/?key=secret"}`,
			`{"url":"http://user:secret@h/"}`, `{"url":"javascript:alert(1)"}`, `{"url":"http://h/\u0000"}`, `{"url":"http://h/","schedule":"0 0 31 2 *"}`,
			`{"url":"http://h/","time_zone":"../../etc/passwd"}`, `{"url":"http://h/","params":[]}`, strings.Repeat("[", 100000), `{"url":"http://h/","headers_env":{"Bad Header":"X"}}`,
		} {
			s.refused("PUT", "/api/v1/scrapers/new", body)
		}
		for _, body := range []string{`{"attach":""}`, `{"attach":"a b"}`, `{"attach":"\u0000"}`, `{"attach":7}`, `{"params":7}`, `{"params":"x"}`, `{"run_id":"x"}`, `null`} {
			s.refused("POST", "/api/v1/scrapers/shop/runs", body)
		}
		for _, body := range []string{`{"reason":"\u0000"}`, `{"reason":"a\nb"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`, `{"reason":1}`} {
			s.refused("POST", "/api/v1/scrapers/shop/pause", body)
		}
		for _, body := range []string{``, `{}`, `{"scrapers":[]}`, `{"scrapers":["\u0000"]}`, `{"scrapers":"x"}`, `{"scrapers":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`} {
			s.refused("POST", "/api/v1/announce", body)
		}
		for _, method := range []string{"POST", "PATCH", "TRACE", "CONNECT", "BREW"} {
			s.refused(method, "/api/v1/runs", "")
		}
		if head, err := s.store.Head(t.Context()); err != nil || head != 1 {
			t.Errorf("the log is at %d (%v): something was written", head, err)
		}
	})
}

// refused sends a request byte for byte, and wants a 4xx problem document, or a
// plain 400 where net/http itself cannot read it.
func (s *service) refused(method, target, body string) {
	s.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	request := method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	if _, err := io.WriteString(conn, request); err != nil {
		s.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.Errorf("%s %.100q: %v", method, target, err)
		return
	}
	text, _ := io.ReadAll(res.Body)
	unread := res.StatusCode == 400 && strings.HasPrefix(string(text), "400 Bad Request")
	if res.StatusCode < 400 || res.StatusCode > 499 || !unread && res.Header.Get("Content-Type") != problem.ContentType {
		s.Errorf("%s %.100q %.100q: %d %s %.300s", method, target, body, res.StatusCode, res.Header.Get("Content-Type"), text)
	}
}
