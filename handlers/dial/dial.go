// Package dial opens connections to scrapers: a fresh one per run or probe, the
// headers that come from the environment, and the probe itself.
//
// No connection is shared. Two runs on one would be lost together, and net/http
// repeats a POST by itself on a connection that it has used before.
package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"scrapelog/domain"
)

// maxHeader bounds a response header, which net/http would let grow to 10 MB.
const maxHeader = 64 << 10

// Transport returns a transport for one exchange with a scraper. Call RoundTrip
// on it rather than wrap it in an http.Client: the client parses a redirect's
// Location before it asks whether to follow, so a malformed one would look like
// a lost connection, and it puts the URL with its query into every error.
//
// Waiting for the response header is the caller's to bound. ResponseHeaderTimeout
// knows no grace: after this process was stopped and continued it is due at the
// same instant as the header that came meanwhile, and may win.
//
// The proxy of the environment is ignored on purpose: it would answer for a
// scraper that is down.
func Transport(cfg domain.ScraperConfig) *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	d := dialer{connect: cfg.ConnectTimeout.Std()}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		Protocols:              &http1,
	}
}

// dialer opens one connection within connect: name, TCP and TLS together.
type dialer struct{ connect time.Duration }

func (d dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{Timeout: d.connect}).DialContext(ctx, network, addr)
}

func (d dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.connect)
	defer cancel()
	raw, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address of the scraper: %w", err)
	}
	conn := tls.Client(raw, &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, &HandshakeError{Err: err}
	}
	return conn, nil
}

// HandshakeError is a connection that was opened and came to no TLS session.
// Unwrap gives the reason, which may be a mere reset or timeout.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Gateway says whether a status is a gateway's word about a scraper that it
// could not reach, and so no answer of the scraper. 520 to 530 are Cloudflare's.
func Gateway(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 520 && status <= 530
}
