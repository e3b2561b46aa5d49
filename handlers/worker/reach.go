package worker

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"scrapelog/handlers/egress"
)

// reach opens the connections of a crawl. The configuration names the site, so that
// it may be on a private address. Where it is not, nothing that the site says later,
// be it by a redirect of robots.txt or by its name's address, leads to one.
type reach struct {
	own netip.AddrPort // the worker's listener, which is no site

	mu    sync.Mutex
	met   bool // a connection of this site was opened
	rules egress.Rules
}

func (r *reach) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.met, r.rules = false, egress.Rules{Own: r.own}
}

func (r *reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	r.mu.Lock()
	rules := r.rules
	r.mu.Unlock()
	d := net.Dialer{Timeout: pageTimeout, ControlContext: rules.Control}
	conn, err := d.DialContext(ctx, network, address)
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
