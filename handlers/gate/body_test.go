package gate_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
)

// within is how long these tests wait for a body that does not come.
const within = 300 * time.Millisecond

// door is a server whose handlers count how often they acted.
type door struct {
	*testing.T
	addr  string
	acted atomic.Int32
}

func open(t *testing.T, within time.Duration) *door {
	d := &door{T: t}
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), func(err error, c echo.Context) {
		if c.Request().Context().Err() == nil { // as templ does: nothing is rendered for a request that is cancelled
			_ = c.String(problem.Of(err).Status, "a page")
		}
	})
	e.Use(gate.Bodies(within), gate.Hosts(nil), gate.Whole)
	act := func(c echo.Context) error {
		d.acted.Add(1)
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, fmt.Sprintf("read %d", len(body)))
	}
	e.Any("/api/act", act)
	e.POST("/form", act)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = listener.Addr().String()
	server := gate.NewServer(e, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return d
}

// send writes a request as it stands and reads the answer; then does what is left to
// do with the connection before it reads.
func (d *door) send(request string, then func(*net.TCPConn)) (*http.Response, string) {
	d.Helper()
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		d.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		d.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		d.Fatal(err)
	}
	if then != nil {
		then(conn.(*net.TCPConn))
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return res, string(text)
}

// TestABodyThatDoesNotComeIsAnsweredAndDoesNothing sends half a body and no more.
func TestABodyThatDoesNotComeIsAnsweredAndDoesNothing(t *testing.T) {
	const chunk, length = "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "Content-Length: 100\r\n\r\nabc"
	halfClosed := func(c *net.TCPConn) { _ = c.CloseWrite() }
	drips := func(c *net.TCPConn) {
		go func() {
			for { // until the server has closed the connection
				if _, err := c.Write([]byte("1")); err != nil {
					return
				}
				time.Sleep(within / 20)
			}
		}()
	}
	tests := map[string]struct {
		line, host, rest string
		then             func(*net.TCPConn)
		want             int
	}{
		"half a chunked body":              {"POST /api/act", "localhost", chunk, nil, 408},
		"half a body":                      {"PUT /api/act", "localhost", length, nil, 408},
		"a body that drips":                {"PUT /api/act", "localhost", length[:17] + "00000\r\n\r\nabc", drips, 408},
		"a form that drips":                {"POST /form", "localhost", length[:17] + "00000\r\n\r\nabc", drips, 408},
		"a GET with half a body":           {"GET /api/act", "localhost", chunk, nil, 408},
		"a HEAD with half a body":          {"HEAD /api/act", "localhost", length, nil, 408},
		"a DELETE with half a body":        {"DELETE /api/act", "localhost", length, nil, 408},
		"half a body for an unknown page":  {"POST /none", "localhost", length, nil, 408},
		"half a body for an unknown route": {"POST /api/none", "localhost", length, nil, 408},
		"half a body in a wrong way":       {"PATCH /form", "localhost", chunk, nil, 408},
		"half a body from elsewhere":       {"POST /api/act", "evil.example", length, nil, 403},
		"chunks from elsewhere":            {"POST /api/act", "evil.example", chunk, nil, 403},
		"a half-closed connection":         {"POST /api/act", "localhost", length, halfClosed, 400},
		"half-closed within a chunk":       {"POST /api/act", "localhost", chunk, halfClosed, 400},
		"a form that is half closed":       {"POST /form", "localhost", length, halfClosed, 400},
		"a chunk that is none":             {"POST /api/act", "localhost", "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", nil, 400},
		"a length of more than 1 MiB":      {"POST /api/act", "localhost", "Content-Length: 1048577\r\n\r\nabc", nil, 413},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := within
			if tt.want == http.StatusBadRequest { // what comes is seen, however late that is
				patience = 30 * time.Second
			}
			d := open(t, patience)
			res, text := d.send(fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\n%s", tt.line, tt.host, tt.rest), tt.then)
			if res.StatusCode != tt.want || !res.Close {
				t.Errorf("answered %d %q, close %v; want %d and Connection: close", res.StatusCode, text, res.Close, tt.want)
			}
			if strings.HasPrefix(tt.line[strings.Index(tt.line, "/"):], "/api/") && res.Header.Get("Content-Type") != problem.ContentType {
				t.Errorf("answered with %s", res.Header.Get("Content-Type"))
			}
			if d.acted.Load() > 0 {
				t.Error("the handler acted on half a body")
			}
		})
	}
}

// TestABodyThatHasComeLeavesNoDeadline answers longer than a body may take to come.
func TestABodyThatHasComeLeavesNoDeadline(t *testing.T) {
	t.Parallel()
	e := echo.New()
	e.Use(gate.Bodies(time.Second), gate.Whole)
	e.POST("/", func(c echo.Context) error {
		select {
		case <-c.Request().Context().Done():
			return c.Request().Context().Err()
		case <-time.After(1200 * time.Millisecond):
		}
		return c.NoContent(http.StatusOK)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := gate.NewServer(e, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() { _ = server.Close(); <-ended }()
	for _, body := range []io.Reader{strings.NewReader("{}"), io.MultiReader(strings.NewReader("{}"))} { // of known and unknown length
		res, err := http.Post("http://"+listener.Addr().String(), "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("answered %d", res.StatusCode)
		}
	}
}
