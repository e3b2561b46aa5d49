package worker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"

	"scrapelog/handlers/egress"
)

// reach opens the connections of a crawl. The configuration names the site, so that
// it may be on a private address. Where it is not, nothing that the site says later,
// be it by a redirect of robots.txt or by its name's address, leads to one.
type reach struct {
	configured egress.Rules

	mu    sync.Mutex
	met   bool // a connection of this site was opened
	rules egress.Rules
}

func (r *reach) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.met, r.rules = false, r.configured
}

// now returns the rules in force.
func (r *reach) now() egress.Rules {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rules
}

// behind is the Proxy of a transport. A proxy resolves names by itself, so only what the
// URL itself says can be checked.
func (r *reach) behind(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		by, err := proxy(req)
		if by == nil || err != nil {
			return by, err
		}
		if err := egress.CheckName(req.URL.Hostname()); err != nil {
			return nil, err
		}
		if addr, err := netip.ParseAddr(req.URL.Hostname()); err == nil {
			if err := r.now().Check(netip.AddrPortFrom(addr, portOf(req.URL))); err != nil {
				return nil, err
			}
		}
		return by, nil
	}
}

func portOf(u *url.URL) uint16 {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err == nil:
		return uint16(port)
	case u.Scheme == "https":
		return 443
	}
	return 80
}

func (r *reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	rules := r.now()
	conn, err := egress.Dialer{Rules: r.now, Timeout: pageTimeout}.DialContext(ctx, network, address)
	if denied := (*egress.DeniedError)(nil); errors.As(err, &denied) && rules.PublicOnly {
		return nil, &egress.DeniedError{Address: denied.Address, Why: "it is not on the internet, where this crawl began"}
	}
	if err != nil {
		return nil, err
	}
	r.meet(conn.RemoteAddr())
	return conn, nil
}

// meet remembers whether the site's first address is one of the internet.
func (r *reach) meet(addr net.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, err := netip.ParseAddrPort(addr.String())
	if r.met || err != nil {
		return
	}
	r.met = true
	r.rules.PublicOnly = egress.Rules{PublicOnly: true}.Check(at) == nil
}
