package ready

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

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

// NewFront serves at a listener until it is shut down, over TLS unless secure is nil. It
// believes what the proxies say about their clients.
func NewFront(listener *gate.Limited, secure *tls.Config, proxies gate.Proxies, logger *slog.Logger) *Front {
	f := &Front{Listener: listener, ended: make(chan error, 1)}
	f.Server = gate.NewServer(proxies.Handler(f), logger)
	f.TLSConfig = secure
	go func() {
		if secure != nil {
			f.ended <- f.ServeTLS(listener, "", "")
			return
		}
		f.ended <- f.Serve(listener)
	}()
	return f
}

// closeGrace is how long open answers may take after the streams have been closed.
const closeGrace = 5 * time.Second

// Run lets a handler answer until ctx ends.
func (f *Front) Run(ctx context.Context, handler http.Handler) error {
	f.handler.Store(&handler)
	select {
	case err := <-f.ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	if f.Shutdown(ending) != nil {
		return f.Close()
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
