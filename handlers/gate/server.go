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
		// A connection of HTTP/2 carries many streams, so their deadlines do not end it.
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100, SendPingTimeout: userTimeout, PingTimeout: userTimeout, WriteByteTimeout: userTimeout},
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	for _, f := range onShutdown {
		srv.RegisterOnShutdown(f)
	}
	return srv
}
