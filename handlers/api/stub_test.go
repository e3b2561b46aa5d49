package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/labstack/echo/v4"

	"scrapelog/eventstore"
	"scrapelog/handlers/api"
)

// stubLog is a log in memory, for what is about time: synctest and real sockets
// do not go together. Methods that a test does not expect panic.
type stubLog struct {
	api.Log
	mu     sync.Mutex
	events []eventstore.Recorded
	broken error
	woken  chan struct{}
	reads  int
}

func newStubLog() *stubLog { return &stubLog{woken: make(chan struct{}, 1)} }

func (l *stubLog) Head(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.events)), l.broken
}

func (l *stubLog) Read(_ context.Context, q eventstore.Query) ([]eventstore.Recorded, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.broken != nil {
		return nil, l.broken
	}
	rest := l.events[min(q.After, int64(len(l.events))):]
	return rest[:min(q.Limit, len(rest))], nil
}

func (l *stubLog) Wake() (<-chan struct{}, func()) { return l.woken, func() {} }

func (l *stubLog) WaitFor(ctx context.Context, _ string, _ int64) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// add appends events without waking anybody.
func (l *stubLog) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.events = append(l.events, eventstore.Recorded{
			Position: int64(len(l.events)) + 1, Stream: "scraper-x", Type: "scraper.paused", Data: json.RawMessage(`{}`),
		})
	}
}

func (l *stubLog) breaks(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

// stubbed is the API over a stub.
func stubbed(l *stubLog) (*echo.Echo, *api.Handler) {
	e := api.NewEcho(api.EchoConfig{Logger: slog.New(slog.DiscardHandler)})
	h := api.New(api.Config{Log: l})
	h.Register(e)
	return e, h
}

// ask serves one request in memory. The recorder MUST NOT be read before done.
func ask(ctx context.Context, e *echo.Echo, path string, header ...string) (w *httptest.ResponseRecorder, done chan struct{}) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Host = "localhost"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, done = httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(done)
		e.ServeHTTP(w, r)
	}()
	return w, done
}
