// Package egress decides which addresses this process connects to on behalf of a
// configuration. A URL may come from a user of the API, and a name may resolve to
// any address, so the decision is made after resolution, for every address that is
// tried, in the Control function of the [net.Dialer] in [Dialer].
//
// The rules always refuse link-local, metadata, multicast, broadcast and unspecified
// addresses, in every form of IPv6, and our own listener. With [Rules.PublicOnly] they
// also refuse loopback and private addresses.
//
// The tables of what is on the internet are those of code.dny.dev/ssrf, generated from
// the registries of IANA. They are one list of all that is not, so what is refused even
// to scrapers of private networks stands here, as do the forms of IPv6 that hold an
// address of IPv4: the library refuses all of them, also a NAT64 address of the internet.
package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"

	"scrapelog/domain"
)

// Rules decide which addresses may be connected to. The zero value allows loopback,
// private and public addresses.
type Rules struct {
	Allow      []netip.Prefix // allowed in spite of PublicOnly
	Deny       []netip.Prefix // refused in spite of Allow
	PublicOnly bool           // refuse loopback, private and all other addresses outside of the internet
	Own        netip.AddrPort // our own listener, refused; an unspecified address stands for every address of this machine
}

// maxHost is how much of a host's name an error repeats, in bytes.
const maxHost = 80

// DeniedError reports an address or a host that the rules refuse.
type DeniedError struct {
	Address netip.Addr
	Host    string // instead of the address: what was not resolved
	Why     string
}

func (e *DeniedError) Error() string {
	if e.Host != "" {
		return fmt.Sprintf("the egress rules refuse the host %q: %s", domain.Printable(e.Host, maxHost), e.Why)
	}
	return fmt.Sprintf("the egress rules refuse the address %s: %s", e.Address, e.Why)
}

// Unwrap returns domain.ErrInvalid: the configuration is invalid.
func (e *DeniedError) Unwrap() error { return domain.ErrInvalid }

// Control refuses a connection before it is opened. It has the signature of
// [net.Dialer.ControlContext]. The error is a *DeniedError.
func (r Rules) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &DeniedError{Why: "it is no IP address with a port"}
	}
	return r.Check(at)
}

// Check returns a *DeniedError if the rules refuse the address.
func (r Rules) Check(at netip.AddrPort) error {
	addr := at.Addr().WithZone("")
	for _, meant := range append(embedded(addr), addr) {
		if why := r.refuses(netip.AddrPortFrom(meant.Unmap(), at.Port())); why != "" {
			return &DeniedError{Address: at.Addr(), Why: why}
		}
	}
	return nil
}

func (r Rules) refuses(at netip.AddrPort) string {
	addr := at.Addr()
	if why := never(addr); why != "" {
		return why
	}
	contains := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case r.own(at):
		return "scrapelog itself listens there"
	case slices.ContainsFunc(r.Deny, contains):
		return "it is in egress.deny"
	case !r.PublicOnly, slices.ContainsFunc(r.Allow, contains), isTranslated(addr):
		return ""
	case public.SafeAddr(addr) != nil:
		return "it is not on the internet; list its network in egress.allow, or manage the scraper by the configuration file"
	}
	return ""
}

// public knows the special-purpose registries of IANA.
var public = ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork())

// own reports whether this process listens at the address.
func (r Rules) own(at netip.AddrPort) bool {
	if !r.Own.IsValid() || at.Port() != r.Own.Port() {
		return false
	}
	if listens := r.Own.Addr().Unmap(); !listens.IsUnspecified() {
		return at.Addr() == listens
	}
	return at.Addr().IsLoopback() || ofThisMachine(at.Addr())
}

func ofThisMachine(addr netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // refuse what cannot be decided
	}
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		network, err := netip.ParsePrefix(a.String())
		return err == nil && network.Addr().WithZone("").Unmap() == addr
	})
}

// Networks are the rules as a configuration has them, in CIDR form, beside those that
// always hold.
type Networks struct {
	Allow []string `yaml:"allow"` // reached although they are private
	Deny  []string `yaml:"deny"`  // never reached
}

// Rules returns the rules, or a *domain.FieldError under the key "egress".
func (n Networks) Rules() (r Rules, err error) {
	if r.Allow, err = ParseNetworks("egress.allow", n.Allow); err != nil {
		return r, err
	}
	r.Deny, err = ParseNetworks("egress.deny", n.Deny)
	return r, err
}

// ParseNetworks parses networks in CIDR form; an address without a prefix length is a
// network of one. The error is a *domain.FieldError with the field and the index.
func ParseNetworks(field string, networks []string) ([]netip.Prefix, error) {
	var parsed []netip.Prefix
	for i, text := range networks {
		network, err := netip.ParsePrefix(text)
		if addr, bare := netip.ParseAddr(text); bare == nil && addr.Zone() == "" {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, &domain.FieldError{Field: fmt.Sprintf("%s[%d]", field, i), Problem: fmt.Sprintf("%q is not a network", text), Want: "use CIDR such as 10.0.0.0/8 or fd00::/8"}
		}
		if network.Addr().Is4In6() && network.Bits() >= 96 {
			network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
		}
		parsed = append(parsed, network.Masked())
	}
	return parsed, nil
}
