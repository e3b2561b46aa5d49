package gate_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/gate"
)

func TestOnlyTrustedProxiesAreBelieved(t *testing.T) {
	proxies := gate.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	const trusted, stranger = "10.0.0.1:4000", "192.0.2.9:4000"
	tests := map[string]struct {
		peer          string
		header        http.Header
		tls           bool
		address, host string
		https         bool
	}{
		"a client that forges all of it": {peer: stranger, header: http.Header{
			"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"},
		}, address: stranger, host: "own.example"},
		"a trusted proxy": {peer: trusted, header: http.Header{
			"X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Host": {"scrapes.example"}, "X-Forwarded-Proto": {"https"},
		}, address: "203.0.113.7:0", host: "scrapes.example", https: true},
		"a trusted proxy that speaks TLS for a client that does not": {peer: trusted, tls: true, header: http.Header{
			"X-Forwarded-Proto": {"http"},
		}, address: "10.0.0.1:0", host: "own.example"},
		"a trusted proxy that says nothing of the scheme":  {peer: trusted, tls: true, address: "10.0.0.1:0", host: "own.example", https: true},
		"what a client wrote before its proxy":             {peer: trusted, header: http.Header{"X-Forwarded-For": {"127.0.0.1, 10.0.0.5, 203.0.113.7"}}, address: "203.0.113.7:0", host: "own.example"},
		"two headers":                                      {peer: trusted, header: http.Header{"X-Forwarded-For": {"127.0.0.1", "203.0.113.7"}}, address: "203.0.113.7:0", host: "own.example"},
		"a chain of trusted proxies":                       {peer: trusted, header: http.Header{"X-Forwarded-For": {"6.6.6.6, 203.0.113.7, 10.0.0.2, fd00::3"}}, address: "203.0.113.7:0", host: "own.example"},
		"a client inside of the trusted networks":          {peer: trusted, header: http.Header{"X-Forwarded-For": {"10.7.7.7, 10.0.0.2"}}, address: "10.7.7.7:0", host: "own.example"},
		"an entry that is no address":                      {peer: trusted, header: http.Header{"X-Forwarded-For": {"6.6.6.6, unknown, 10.0.0.2"}}, address: "10.0.0.2:0", host: "own.example"},
		"entries with ports":                               {peer: trusted, header: http.Header{"X-Forwarded-For": {"[2001:db8::1]:99"}}, address: "[2001:db8::1]:0", host: "own.example"},
		"an IPv4 address written as IPv6":                  {peer: "[::ffff:10.0.0.1]:4000", header: http.Header{"X-Forwarded-For": {"::ffff:203.0.113.7"}}, address: "203.0.113.7:0", host: "own.example"},
		"the host of the nearest proxy":                    {peer: trusted, header: http.Header{"X-Forwarded-Host": {"evil.example, scrapes.example"}}, address: "10.0.0.1:0", host: "scrapes.example"},
		"the scheme of the nearest proxy":                  {peer: trusted, header: http.Header{"X-Forwarded-Proto": {"https, http"}}, address: "10.0.0.1:0", host: "own.example"},
		"a client that speaks TLS with the service itself": {peer: stranger, tls: true, address: stranger, host: "own.example", https: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://own.example/", nil)
			r.RemoteAddr = tt.peer
			for name, values := range tt.header {
				r.Header[name] = values
			}
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			var got string
			proxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = fmt.Sprint(r.RemoteAddr, " ", r.Host, " ", gate.HTTPS(r))
			})).ServeHTTP(httptest.NewRecorder(), r)
			if want := fmt.Sprint(tt.address, " ", tt.host, " ", tt.https); got != want {
				t.Errorf("the service sees %s, want %s", got, want)
			}
		})
	}
}

// TestBrowsersStayWithHTTPS, but not on the names of loopback.
func TestBrowsersStayWithHTTPS(t *testing.T) {
	e := echo.New()
	e.Use(gate.Headers)
	e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	for _, tt := range []struct {
		host, proto string
		want        bool
	}{
		{"scrapes.example", "https", true}, {"scrapes.example", "http", false}, {"scrapes.example", "", false},
		{"localhost:8443", "https", false}, {"127.0.0.1", "https", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+tt.host+"/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-Proto", tt.proto)
		w := httptest.NewRecorder()
		gate.Proxies{netip.MustParsePrefix("10.0.0.1/32")}.Handler(e).ServeHTTP(w, r)
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != tt.want {
			t.Errorf("%s over %q: HSTS %v", tt.host, tt.proto, got)
		}
	}
}
