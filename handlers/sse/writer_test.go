package sse_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	gosse "github.com/tmaxmax/go-sse"

	"scrapelog/handlers/sse"
)

func TestMessagesOnTheWire(t *testing.T) {
	tests := map[string]struct {
		send func(*sse.Writer) error
		want string
	}{
		"an event with its name and id":  {func(w *sse.Writer) error { return w.Send("run", "7", []byte("{}")) }, "event: run\nid: 7\ndata: {}\n\n"},
		"an event without a name":        {func(w *sse.Writer) error { return w.Send("", "", []byte("x")) }, "data: x\n\n"},
		"empty data is still an event":   {func(w *sse.Writer) error { return w.Send("beat", "", nil) }, "event: beat\ndata: \n\n"},
		"every line end splits the data": {func(w *sse.Writer) error { return w.Send("", "", []byte("a\nb\r\nc\rd\n")) }, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		"a comment ends in a blank line": {func(w *sse.Writer) error { return w.Comment("hb") }, ": hb\n\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			if err := tt.send(sse.NewWriter(rec)); err != nil {
				t.Fatal(err)
			}
			if got := rec.Body.String(); got != tt.want {
				t.Errorf("wire = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAFieldCannotBreakOutOfItsLine(t *testing.T) {
	w := sse.NewWriter(httptest.NewRecorder())
	for _, err := range []error{
		w.Send("a\nevent: completed", "", nil),
		w.Send("", "1\r2", nil),
		w.Send("", "1\x002", nil),
		w.Comment("a\n\nevent: completed"),
	} {
		if !errors.Is(err, sse.ErrField) {
			t.Errorf("err = %v, want ErrField", err)
		}
	}
}

func TestAStreamReadsBackAsItWasSent(t *testing.T) {
	const data = "line one\nline two\n\nafter a blank one"
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		w := sse.NewWriter(rw)
		if err := errors.Join(w.Comment("hello"), w.Send("page", "1", []byte(data))); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("content type = %q", got)
	}
	var events []gosse.Event
	for event, err := range gosse.Read(resp.Body, nil) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	if len(events) != 1 || events[0].Data != data || events[0].Type != "page" || events[0].LastEventID != "1" {
		t.Errorf("events = %+v", events)
	}
}

// If the header waited for the first message, the scraper would seem to hang.
func TestOpenSendsTheHeaderAtOnce(t *testing.T) {
	release := make(chan struct{})
	e := echo.New()
	e.GET("/", func(c echo.Context) error {
		w := sse.NewWriter(c.Response())
		if err := w.Open(); err != nil {
			return err
		}
		if !c.Response().Committed {
			t.Error("echo does not know that the header was sent")
		}
		<-release
		return w.Send("done", "", nil)
	})
	server := httptest.NewServer(e)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	resp, err := http.DefaultClient.Do(req)
	close(release)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(body), "event: done\n") {
		t.Errorf("body = %q, %v", body, err)
	}
}

func TestSendReportsAClientThatLeft(t *testing.T) {
	failed := make(chan error, 1)
	e := echo.New()
	e.GET("/", func(c echo.Context) error {
		w := sse.NewWriter(c.Response())
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
			if err := w.Send("beat", "", []byte("{}")); err != nil {
				failed <- err
				return nil
			}
		}
		failed <- nil
		return nil
	})
	server := httptest.NewServer(e)
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := <-failed; err == nil {
		t.Error("half a minute of writes to a closed connection, and no error")
	}
}

func TestBufferedEventsAreSentInOneWrite(t *testing.T) {
	writes := &counting{ResponseRecorder: httptest.NewRecorder()}
	w := sse.NewWriter(writes)
	if err := errors.Join(w.Add("run", "", []byte("1")), w.Add("position", "", []byte("7"))); err != nil || writes.n > 0 {
		t.Fatalf("%v, %d writes before it is flushed", err, writes.n)
	}
	if err := errors.Join(w.Flush(), w.Send("beat", "", nil)); err != nil {
		t.Fatal(err)
	}
	if got, want := writes.Body.String(), "event: run\ndata: 1\n\nevent: position\ndata: 7\n\nevent: beat\ndata: \n\n"; got != want || writes.n != 2 {
		t.Errorf("%d writes: %q, want %q", writes.n, got, want)
	}
}

type counting struct {
	*httptest.ResponseRecorder
	n int
}

func (c *counting) Write(b []byte) (int, error) {
	c.n++
	return c.ResponseRecorder.Write(b)
}
