package gate_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
)

// streaming serves streams that stay open until their request is left.
type streaming struct {
	*testing.T
	echo   *echo.Echo
	opened chan struct{}
}

func newStreaming(t *testing.T, limits *gate.Streams) *streaming {
	s := &streaming{T: t, echo: echo.New(), opened: make(chan struct{}, 1)}
	s.echo.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), nil)
	s.echo.GET("/api/stream", func(c echo.Context) error {
		s.opened <- struct{}{}
		<-c.Request().Context().Done()
		return nil
	}, limits.Limit)
	return s
}

// open opens a stream and returns how it is left, or the refusal.
func (s *streaming) open(from, id string) (leave func(), refusal *httptest.ResponseRecorder) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/stream?id="+id, nil)
	r.RemoteAddr = from
	w, done := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		s.echo.ServeHTTP(w, r)
	}()
	select {
	case <-s.opened:
		return func() { cancel(); <-done }, nil
	case <-done:
		cancel()
		return nil, w
	}
}

// A user is one client from any address, and many users of one address are many.
func TestStreamsOfOnePrincipalAreBounded(t *testing.T) {
	who := ""
	s := newStreaming(t, &gate.Streams{PerClient: 2, Principal: func(context.Context) string { return who }})
	asks := func(principal, from string) (refused bool) {
		who = principal
		leave, refusal := s.open(from, "")
		if refusal == nil {
			t.Cleanup(leave)
		}
		return refusal != nil
	}
	for _, from := range []string{"192.0.2.1:1", "127.0.0.1:2"} {
		if asks("user:1", from) {
			t.Fatalf("the first streams were refused")
		}
	}
	if !asks("user:1", "192.0.2.9:3") {
		t.Error("a third stream of the user")
	}
	if asks("user:2", "192.0.2.1:4") || asks("token:1", "192.0.2.1:5") || asks("user:3", "192.0.2.1:6") {
		t.Error("other users of one address were refused")
	}
}

func TestStreamsOfOneClientAreBounded(t *testing.T) {
	tests := map[string]struct {
		from, id [3]string // the first two are open when the third comes
		refused  bool
	}{
		"one address":                    {[3]string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"}, [3]string{}, true},
		"three addresses":                {[3]string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"}, [3]string{}, false},
		"one address in two forms":       {[3]string{"192.0.2.1:1", "[::ffff:192.0.2.1]:2", "192.0.2.1:3"}, [3]string{}, true},
		"one network of IPv6":            {[3]string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1"}, [3]string{}, true},
		"three networks of IPv6":         {[3]string{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", "[2001:db8:0:3::1]:1"}, [3]string{}, false},
		"this machine":                   {[3]string{"127.0.0.1:1", "[::1]:1", "127.0.0.1:3"}, [3]string{"a", "b", "c"}, false},
		"one watcher of this machine":    {[3]string{"127.0.0.1:1", "[::1]:1", "127.0.0.1:3"}, [3]string{"a", "a", "a"}, true},
		"one watcher of three addresses": {[3]string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"}, [3]string{"a", "a", "a"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStreaming(t, &gate.Streams{PerClient: 2})
			var first func()
			for i := range 2 {
				leave, refusal := s.open(tt.from[i], tt.id[i])
				if refusal != nil {
					t.Fatalf("stream %d: %d", i, refusal.Code)
				}
				defer leave()
				if first == nil {
					first = leave
				}
			}
			leave, refusal := s.open(tt.from[2], tt.id[2])
			switch {
			case !tt.refused && refusal != nil:
				t.Fatalf("refused: %s", refusal.Body)
			case !tt.refused:
				leave()
			case refusal == nil:
				t.Fatal("not refused")
			case refusal.Code != http.StatusTooManyRequests || refusal.Header().Get("Retry-After") == "" || refusal.Header().Get("Content-Type") != problem.ContentType:
				t.Errorf("refused with %d %v", refusal.Code, refusal.Header())
			default:
				first()
				if leave, refusal = s.open(tt.from[2], tt.id[2]); refusal != nil {
					t.Fatalf("refused although one has left: %s", refusal.Body)
				}
				leave()
			}
		})
	}
}

func TestAllStreamsAreBounded(t *testing.T) {
	s := newStreaming(t, &gate.Streams{Total: 3, PerClient: 2})
	for _, from := range []string{"127.0.0.1:1", "192.0.2.1:1", "192.0.2.2:1"} {
		leave, refusal := s.open(from, "")
		if refusal != nil {
			t.Fatal(refusal.Body)
		}
		defer leave()
	}
	if _, refusal := s.open("192.0.2.3:1", ""); refusal == nil || refusal.Code != http.StatusTooManyRequests {
		t.Error("the fourth of three was not refused")
	}
}

func TestForeignPagesReadNothingHere(t *testing.T) {
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), nil)
	e.Match([]string{"GET", "HEAD"}, "/api/x", func(c echo.Context) error { return c.NoContent(http.StatusOK) }, gate.OwnReads)
	tests := map[string]struct {
		header [4]string // Sec-Fetch-Site, -Mode, -Dest, Origin
		want   int
	}{
		"a program":                           {[4]string{}, 200},
		"a page of ours":                      {[4]string{"same-origin", "cors", "empty", ""}, 200},
		"a person who types the address":      {[4]string{"none", "navigate", "document", ""}, 200},
		"a person who follows a link":         {[4]string{"cross-site", "navigate", "document", ""}, 200},
		"an image of a foreign page":          {[4]string{"cross-site", "no-cors", "image", ""}, 403},
		"a fetch of a foreign page":           {[4]string{"cross-site", "cors", "empty", "http://evil.example"}, 403},
		"a page of another port":              {[4]string{"same-site", "no-cors", "empty", ""}, 403},
		"a frame of a foreign page":           {[4]string{"cross-site", "navigate", "iframe", ""}, 403},
		"an object of a foreign page":         {[4]string{"cross-site", "navigate", "object", ""}, 403},
		"what no browser sends":               {[4]string{"x", "", "", ""}, 403},
		"an older browser, a foreign page":    {[4]string{"", "", "", "http://evil.example"}, 403},
		"an older browser, a page of a file":  {[4]string{"", "", "", "null"}, 403},
		"an older browser, a page of ours":    {[4]string{"", "", "", "http://localhost:8080"}, 200},
		"an older browser, another port":      {[4]string{"", "", "", "http://localhost:9"}, 403},
		"an older browser that says nonsense": {[4]string{"", "", "", "http://%zz"}, 403},
	}
	for name, tt := range tests {
		for _, method := range []string{"GET", "HEAD"} {
			r := httptest.NewRequest(method, "http://localhost:8080/api/x", nil)
			for i, key := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Origin"} {
				if tt.header[i] != "" {
					r.Header.Set(key, tt.header[i])
				}
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%s: %s answered %d, want %d", name, method, w.Code, tt.want)
			}
		}
	}
}
