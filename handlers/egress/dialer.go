package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Dialer opens the connections that this program makes on behalf of a configuration.
// No other dialler and no other transport may do that; a test of the sources holds it.
type Dialer struct {
	Rules   func() Rules  // asked for each connection: a configuration may change
	Timeout time.Duration // of resolving and connecting; 0: the context's
}

// DialContext connects to an address within the rules. The error is a *DeniedError if
// the rules refuse an address of the host and no other one could be connected to.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	rules := d.Rules()
	if host, _, err := net.SplitHostPort(address); err == nil {
		if err := CheckName(host); err != nil {
			return nil, err
		}
	}
	var denied atomic.Pointer[DeniedError] // two addresses may be tried at once
	control := func(ctx context.Context, network, address string, raw syscall.RawConn) error {
		err := rules.Control(ctx, network, address, raw)
		if refused, ok := errors.AsType[*DeniedError](err); ok {
			denied.Store(refused)
		}
		return err
	}
	conn, err := (&net.Dialer{Timeout: d.Timeout, ControlContext: control}).DialContext(ctx, network, address)
	if refused := denied.Load(); err != nil && refused != nil {
		return nil, refused
	}
	return conn, err
}

// DialLocal connects to a socket in the file system of this machine, which the rules do
// not know: only the operator's own file may name it.
func (d Dialer) DialLocal(ctx context.Context, network, path string) (net.Conn, error) {
	return (&net.Dialer{Timeout: d.Timeout}).DialContext(ctx, network, path)
}

const (
	handshakeTimeout = 10 * time.Second
	idleTimeout      = 30 * time.Second
	maxHeader        = 64 << 10 // bytes of an answer's header
)

// Transport returns a transport that connects with d, directly: it ignores the
// environment's proxy, to which the rules would apply instead of to the host.
func (d Dialer) Transport() *http.Transport {
	return &http.Transport{
		DialContext: d.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: handshakeTimeout,
		IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 1, MaxResponseHeaderBytes: maxHeader,
	}
}

// metadataNames are names of the services at which clouds keep credentials. Their
// addresses are refused anyway; outside of that cloud the names do not resolve, and the
// refusal is definite where the missing name would look like an outage.
var metadataNames = []string{
	"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal", "metadata.azure.internal", "metadata.tencentyun.com",
}

// CheckName returns a *DeniedError for a host that can only be a disguise: the name of
// a cloud's metadata service, or a number that some resolvers take for an address, such
// as 2852039166, 0xa9.254.43518 or 0251.0376.0251.0376.
func CheckName(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	switch {
	case slices.Contains(metadataNames, name):
		return &DeniedError{Host: host, Why: "a cloud keeps credentials there"}
	case endsInNumber(name):
		return &DeniedError{Host: host, Why: "it ends in a number and is no address; write an address as four decimal numbers, such as 192.0.2.1"}
	}
	return nil
}

// endsInNumber reports whether the last label is a number, which the URL standard of
// WHATWG takes for an address of IPv4.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	digits, hex := strings.CutPrefix(last, "0x")
	among := "0123456789"
	if hex {
		among += "abcdef"
	}
	return last != "" && strings.Trim(digits, among) == ""
}
