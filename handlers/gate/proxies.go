package gate

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the reverse proxies whose X-Forwarded headers are believed.
type Proxies []netip.Prefix

// Handler replaces the address, the host and the scheme of a request that comes from a
// trusted proxy by those of the proxy's client. What stands behind it reads RemoteAddr, Host
// and [HTTPS], and of the X-Forwarded headers only whether there are any: then the request
// is not of this machine.
func (p Proxies) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure := r.TLS != nil
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && p.trusts(peer.Addr()) {
			r.RemoteAddr = netip.AddrPortFrom(p.client(peer.Addr(), r.Header.Values("X-Forwarded-For")), 0).String()
			if host := last(r.Header.Values("X-Forwarded-Host")); host != "" {
				r.Host = host
			}
			if scheme := last(r.Header.Values("X-Forwarded-Proto")); scheme != "" {
				secure = strings.EqualFold(scheme, "https")
			}
		}
		if secure != (r.TLS != nil) {
			r = r.WithContext(context.WithValue(r.Context(), secureKey{}, secure))
		}
		next.ServeHTTP(w, r)
	})
}

// client returns the address nearest to the service that is no trusted proxy. Everything
// before it may have been written by that client. Where each address is a trusted proxy,
// the first is the client.
func (p Proxies) client(peer netip.Addr, headers []string) netip.Addr {
	for _, header := range slices.Backward(headers) {
		for rest, more := header, true; more; {
			var hop string
			hop, rest, more = cutLast(rest)
			addr, ok := parseHop(hop)
			if !ok {
				return peer
			}
			if peer = addr; !p.trusts(addr) {
				return peer
			}
		}
	}
	return peer
}

func (p Proxies) trusts(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// parseHop reads an entry of X-Forwarded-For; some proxies add the port.
func parseHop(hop string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(hop); err == nil {
		hop = host
	}
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

// last returns the last entry of a list: the one that the nearest proxy wrote.
func last(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	entry, _, _ := cutLast(headers[len(headers)-1])
	return entry
}

// cutLast returns the last entry of a comma-separated list, and the list before it.
func cutLast(list string) (entry, before string, more bool) {
	if at := strings.LastIndexByte(list, ','); at >= 0 {
		return strings.TrimSpace(list[at+1:]), list[:at], true
	}
	return strings.TrimSpace(list), "", false
}

// secureKey is where a request keeps whether its client sent it over HTTPS, if its
// connection says otherwise.
type secureKey struct{}

// HTTPS reports whether the client speaks HTTPS: with this process, or with a trusted
// proxy before it.
func HTTPS(r *http.Request) bool {
	if secure, told := r.Context().Value(secureKey{}).(bool); told {
		return secure
	}
	return r.TLS != nil
}
