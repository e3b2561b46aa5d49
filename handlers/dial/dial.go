// Package dial opens connections to scrapers: a fresh one per run or probe, the
// headers that come from the environment, and the probe itself.
//
// No connection is shared. Two runs on one would be lost together, and net/http
// repeats a POST by itself on a connection that it has used before.
package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/http/httpguts"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
)

// Target is a scraper with what it may reach. The zero values of the latter are
// those of a scraper that the configuration file manages.
type Target struct {
	domain.ScraperConfig
	Egress  egress.Rules
	Secrets *domain.Secrets // the variables that it may name in headers_env; nil: any
}

// Access is what the operator allows to scrapers.
type Access struct {
	Secrets  domain.Secrets
	Allow    []netip.Prefix // egress.allow
	Deny     []netip.Prefix // egress.deny
	Listener netip.AddrPort // where this process listens
}

// Target returns a scraper with what it may reach. One that was made through the
// API may reach loopback and private addresses while the API itself can only be
// reached from this machine.
func (a Access) Target(source domain.Source, cfg domain.ScraperConfig) Target {
	t := Target{ScraperConfig: cfg, Egress: egress.Rules{Allow: a.Allow, Deny: a.Deny, Own: a.Listener}}
	if source != domain.SourceFile {
		t.Secrets = &a.Secrets
		t.Egress.PublicOnly = !a.Listener.Addr().Unmap().IsLoopback()
	}
	return t
}

// Open connects to the host of u within t's connect_timeout, by TLS where u says
// https. The proxy of the environment is ignored on purpose: it would answer for a
// scraper that is down. An *egress.DeniedError means that an address of the host is
// refused and that no other could be connected to.
func Open(ctx context.Context, u *url.URL, t Target) (net.Conn, error) {
	d := dialer{connect: t.ConnectTimeout.Std(), egress: t.Egress}
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
type dialer struct {
	connect time.Duration
	egress  egress.Rules
}

func (d dialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	var denied atomic.Pointer[egress.DeniedError] // two addresses may be tried at once
	control := func(ctx context.Context, network, address string, raw syscall.RawConn) error {
		err := d.egress.Control(ctx, network, address, raw)
		if refused := (*egress.DeniedError)(nil); errors.As(err, &refused) {
			denied.Store(refused)
		}
		return err
	}
	conn, err := (&net.Dialer{Timeout: d.connect, ControlContext: control}).DialContext(ctx, "tcp", addr)
	if refused := denied.Load(); err != nil && refused != nil {
		return nil, refused
	}
	return conn, err
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
