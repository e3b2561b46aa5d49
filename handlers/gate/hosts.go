// Package gate holds the checks that every HTTP listener of this program makes before a
// handler sees a request: its Host, its origin, the type of its body, and how long the
// body takes to arrive.
package gate

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/problem"
)

// Hosts refuses requests whose Host header names neither this machine nor
// one of the configured hosts. A page elsewhere can point its own name at our
// address (DNS rebinding), but it cannot make the browser lie about that name.
func Hosts(configured []string) echo.MiddlewareFunc {
	var allowed []string
	for _, host := range configured {
		allowed = append(allowed, hostname(host))
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			host := hostname(r.Host)
			if !Loopback(host) && !dialled(r, host) && !slices.Contains(allowed, host) {
				return problem.New(problem.Forbidden, "the Host of the request does not name this service; hosts in its configuration lists further names")
			}
			return next(c)
		}
	}
}

// CheckHosts returns a *domain.FieldError where a name cannot stand in Host, so that
// Hosts would never let a request through for it.
func CheckHosts(field string, names []string) error {
	wrong := func(name string) bool { return name == "" || strings.ContainsAny(name, "/:@* ") }
	if !slices.ContainsFunc(names, wrong) {
		return nil
	}
	return &domain.FieldError{Field: field, Problem: fmt.Sprintf("%q is not a list of host names", names), Want: "use names such as scrapelog.example, without scheme and port"}
}

// hostname is the name without port, brackets, letter case and final dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Loopback reports whether host, a name or an address without port, is a loopback
// address of this machine.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// OnlyHere reports whether address, a host:port to listen at, can be reached only from
// this machine.
func OnlyHere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip, notIP := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || notIP == nil && ip.Unmap().IsLoopback())
}

// dialled reports whether host is the very address that the client connected to,
// which no name has to be resolved for.
func dialled(r *http.Request, host string) bool {
	ip, err := netip.ParseAddr(host)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return err == nil && ok && local.AddrPort().Addr().Unmap() == ip.Unmap()
}
