package web

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// policy lets a page load and call nothing but this server. Pico draws its
// arrows as data: images.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		return next(c)
	}
}

// SameOrigin refuses what a page of another origin sends with a visitor's browser.
func SameOrigin() echo.MiddlewareFunc {
	return echo.WrapMiddleware(http.NewCrossOriginProtection().Handler)
}

// AllowHosts refuses requests under a name that is not ours. Without it, a page
// whose name is made to resolve to this address would count as same-origin (DNS
// rebinding). Loopback names are always ours; an entry with a port allows that
// port only.
func AllowHosts(allowed []string) echo.MiddlewareFunc {
	known := make([]string, len(allowed))
	for i, host := range allowed {
		known[i] = strings.ToLower(host)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			host := strings.ToLower(c.Request().Host)
			if !loopback(hostname(host)) && !listed(known, host) && !dialled(c.Request(), hostname(host)) {
				return echo.NewHTTPError(http.StatusMisdirectedRequest, "this service does not answer under the name "+quoted(host))
			}
			return next(c)
		}
	}
}

func listed(known []string, host string) bool {
	return slices.Contains(known, host) || slices.Contains(known, hostname(host))
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func loopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

// dialled says whether host is the address that the client has connected to: no
// name had to be resolved for it.
func dialled(r *http.Request, host string) bool {
	ip := net.ParseIP(host)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip != nil && ok && local.IP.Equal(ip)
}
