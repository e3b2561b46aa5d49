package ready

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"scrapelog/handlers/gate"
	problems "scrapelog/handlers/problem"
)

// Front answers from the moment the address is taken: 503 until the service can.
type Front struct {
	*http.Server

	Listener *gate.Limited
	handler  atomic.Pointer[http.Handler]
	ended    chan error
}

// NewFront serves at a listener until it is shut down.
func NewFront(listener *gate.Limited, logger *slog.Logger) *Front {
	f := &Front{Listener: listener, ended: make(chan error, 1)}
	f.Server = gate.NewServer(f, logger)
	go func() { f.ended <- f.Serve(listener) }()
	return f
}

// Open lets a handler answer from now on.
func (f *Front) Open(handler http.Handler) { f.handler.Store(&handler) }

// Wait returns when the server has ended; nil if it was shut down.
func (f *Front) Wait() error {
	if err := <-f.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if handler := f.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/healthz" {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"status": "ok"})
		return
	}
	answer := problems.New(problems.NotReady, "starting: opening the database")
	answer.Reasons = []string{answer.Detail}
	_ = problems.Write(w, r, answer) // the client has left
}
