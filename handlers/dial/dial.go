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
	"net/url"
	"time"

	"golang.org/x/net/http/httpguts"

	"scrapelog/domain"
)

// Open connects to the host of u within cfg's connect_timeout, by TLS where u says
// https. The proxy of the environment is ignored on purpose: it would answer for a
// scraper that is down.
func Open(ctx context.Context, u *url.URL, cfg domain.ScraperConfig) (net.Conn, error) {
	d := dialer{connect: cfg.ConnectTimeout.Std()}
	connect, port := d.dial, "80"
	if u.Scheme == "https" {
		connect, port = d.dialTLS, "443"
	}
	if given := u.Port(); given != "" {
		port = given
	}
	host, err := httpguts.PunycodeHostPort(u.Hostname())
	if err != nil {
		return nil, &net.DNSError{Err: "no name of a host", Name: u.Hostname(), IsNotFound: true}
	}
	return connect(ctx, net.JoinHostPort(host, port))
}

// dialer opens one connection within connect: name, TCP and TLS together.
type dialer struct{ connect time.Duration }

func (d dialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	return (&net.Dialer{Timeout: d.connect}).DialContext(ctx, "tcp", addr)
}

func (d dialer) dialTLS(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.connect)
	defer cancel()
	raw, err := d.dial(ctx, addr)
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
