// Package dial talks to scrapers: it opens a new connection for each run and each
// probe, reads configured headers from the environment, sends orders and probes.
//
// No connection is used twice. Two runs on one connection would be lost together, and
// net/http sends a POST again by itself on a connection that it has used before.
package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"golang.org/x/net/http/httpguts"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
)

// Target is a scraper's configuration with the limits on what it may send and reach.
// The zero limits are those of a scraper from the configuration file.
type Target struct {
	domain.ScraperConfig
	Egress  egress.Rules
	Secrets *domain.Secrets // the variables that headers_env may name; nil: any
}

// Access is what the operator allows to scrapers.
type Access struct {
	Secrets  domain.Secrets
	Allow    []netip.Prefix // egress.allow
	Deny     []netip.Prefix // egress.deny
	Listener netip.AddrPort // where this process listens
}

// Target returns a scraper's configuration with its limits. A scraper that was made
// through the API may reach loopback and private addresses only while the API itself
// can be reached from this machine only.
func (a Access) Target(source domain.Source, cfg domain.ScraperConfig) Target {
	t := Target{ScraperConfig: cfg, Egress: egress.Rules{Allow: a.Allow, Deny: a.Deny, Own: a.Listener}}
	if source != domain.SourceFile {
		t.Secrets = &a.Secrets
		t.Egress.PublicOnly = !a.Listener.Addr().Unmap().IsLoopback()
	}
	return t
}

// Open connects to the host of u within t's connect_timeout, with TLS if the scheme
// is https. It ignores the environment's proxy on purpose: a proxy would answer for a
// scraper that is down. An *egress.DeniedError means that the rules refuse an address
// of the host and that no other address could be connected to.
func Open(ctx context.Context, u *url.URL, t Target) (net.Conn, error) {
	d := dialer{egress.Dialer{Rules: func() egress.Rules { return t.Egress }, Timeout: t.ConnectTimeout.Std()}}
	connect, port := d.DialContext, "80"
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
	return connect(ctx, "tcp", net.JoinHostPort(host, port))
}

// dialer opens one connection. Resolving, TCP and TLS together take at most Timeout.
type dialer struct{ egress.Dialer }

func (d dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	raw, err := d.DialContext(ctx, network, addr)
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

// HandshakeError reports that the TLS handshake failed on an open connection.
// Unwrap returns the reason, which may be a reset or a timeout.
type HandshakeError struct{ Err error }

func (e *HandshakeError) Error() string { return "TLS handshake: " + e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Gateway reports whether gateways send this status for a scraper that they could
// not reach: then the scraper itself has not answered. 520 to 530 are Cloudflare's.
func Gateway(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return status >= 520 && status <= 530
}
