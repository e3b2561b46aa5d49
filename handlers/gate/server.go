package gate

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes the server. It has no write timeout, and no read timeout
// beyond the header: both would cut streams. Streams have a deadline for each message,
// and bodies have one too. Shutdown calls each onShutdown first; pass functions that
// end the streams, since Shutdown waits for them.
func NewServer(handler http.Handler, logger *slog.Logger, onShutdown ...func()) *http.Server {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	for _, f := range onShutdown {
		srv.RegisterOnShutdown(f)
	}
	return srv
}
