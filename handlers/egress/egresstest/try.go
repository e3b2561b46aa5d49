package egresstest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"scrapelog/handlers/egress"
)

// disguises are hosts that some resolvers take for a forbidden or a local address, and
// names of metadata services, which need not resolve here.
var disguises = []string{
	"2852039166", "0xa9fea9fe", "0XA9FEA9FE", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "0xa9.254.43518", "169.16689662", "169.254.43518", "00000251.254.169.254",
	"169.254.169.254.", "127.1", "0x7f.1", "017700000001", "2130706433", "0", "0x0", "127.0.0.1.",
	"metadata.google.internal", "METADATA.google.internal.", "metadata.goog", "instance-data.ec2.internal", "metadata.azure.internal",
}

// Connect connects as one of the diallers of this program does, to a URL without a path.
// It returns the error of the connection, or nil if there is an answer.
type Connect func(ctx context.Context, url string) error

// Refuses tries all forms of forbidden addresses.
func Refuses(t *testing.T, connect Connect) {
	t.Helper()
	hosts := disguises
	for _, addresses := range Forbidden {
		for _, addr := range addresses {
			host := url.PathEscape(addr) // a zone's percent sign
			if strings.Contains(addr, ":") {
				host = "[" + host + "]"
			}
			hosts = append(hosts, host)
		}
	}
	if len(hosts) < 40 {
		t.Fatalf("only %d forms", len(hosts))
	}
	for _, host := range hosts {
		Denied(t, host, connect(t.Context(), "http://"+host))
	}
}

// RefusesNames tries names that resolve to forbidden addresses, at once or when they are
// asked for the second time. The rules must allow loopback addresses.
func RefusesNames(t *testing.T, connect Connect) {
	t.Helper()
	var asked atomic.Int64
	peer := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer peer.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(peer.URL, "http://"))
	Resolver(t, map[string][][]string{
		"metadata.test.": {{"169.254.169.254"}},
		"mapped.test.":   {{"::ffff:169.254.169.254"}},
		"nat64.test.":    {{"64:ff9b::169.254.169.254"}},
		"rebinds.test.":  {{"127.0.0.1"}, {"169.254.169.254"}},
	})
	for _, name := range []string{"metadata.test", "mapped.test", "nat64.test", "metadata.test."} {
		Denied(t, name, connect(t.Context(), fmt.Sprintf("http://%s:%s", name, port)))
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests reached another address", n)
	}
	rebinds := "http://rebinds.test:" + port
	if err := connect(t.Context(), rebinds); err != nil || asked.Load() == 0 {
		t.Errorf("a name, while its address is allowed: %v", err)
	}
	before := asked.Load()
	Denied(t, "a name that resolves differently the second time", connect(t.Context(), rebinds))
	if asked.Load() != before {
		t.Error("the second connection went to the first address")
	}
}

// Denied checks that an error is a refusal by the rules.
func Denied(t *testing.T, what string, err error) {
	t.Helper()
	if denied := (*egress.DeniedError)(nil); !errors.As(err, &denied) {
		t.Errorf("%s: %v; want a refusal", what, err)
	}
}
