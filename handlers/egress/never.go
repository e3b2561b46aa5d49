package egress

import (
	"net/netip"
	"slices"
)

// metadata holds the addresses outside of link-local networks at which clouds serve
// credentials to a machine.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud
}

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	broadcast   = netip.MustParseAddr("255.255.255.255")
)

// never returns why an address is always refused, or "" if it is not.
func never(addr netip.Addr) string {
	switch {
	case addr.IsUnspecified(), thisNetwork.Contains(addr):
		return "it is unspecified"
	case addr.IsLinkLocalUnicast():
		return "it is link-local, where clouds keep credentials"
	case addr.IsMulticast():
		return "it is a multicast address"
	case addr == broadcast:
		return "it is the broadcast address"
	case slices.Contains(metadata, addr):
		return "a cloud keeps credentials there"
	}
	return ""
}

// IPv6 networks whose addresses contain an IPv4 address.
var (
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291, deprecated
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
	loopback6  = netip.IPv6Loopback()
	isatap     = [...][4]byte{{0, 0, 0x5e, 0xfe}, {2, 0, 0x5e, 0xfe}} // RFC 5214
)

// isTranslated reports whether traffic to the address is translated to IPv4. The IPv4
// address then decides.
func isTranslated(addr netip.Addr) bool {
	return nat64.Contains(addr) || nat64Local.Contains(addr)
}

// embedded returns the IPv4 addresses that an IPv6 address may contain.
func embedded(addr netip.Addr) []netip.Addr {
	if !addr.Is6() || addr.Is4In6() || addr.IsUnspecified() || addr == loopback6 {
		return nil
	}
	b := addr.As16()
	last := v4(b, 12, 13, 14, 15)
	switch {
	case compatible.Contains(addr), translated.Contains(addr), nat64.Contains(addr):
		return []netip.Addr{last}
	case nat64Local.Contains(addr):
		return translatedLocally(b)
	case sixToFour.Contains(addr):
		return []netip.Addr{v4(b, 2, 3, 4, 5)}
	case teredo.Contains(addr):
		for i := 12; i < 16; i++ {
			b[i] ^= 0xff
		}
		return []netip.Addr{v4(b, 4, 5, 6, 7), v4(b, 12, 13, 14, 15)}
	case slices.Contains(isatap[:], [4]byte(b[8:12])):
		return []netip.Addr{last}
	}
	return nil
}

// translatedLocally returns the IPv4 addresses in an address of a local NAT64, one for
// each possible length of the prefix: 48, 56, 64 or 96 bits. RFC 6052 requires zeros in
// octet 8 and after the address, which excludes most.
func translatedLocally(b [16]byte) (meant []netip.Addr) {
	zero := func(bytes []byte) bool { return !slices.ContainsFunc(bytes, func(x byte) bool { return x != 0 }) }
	if b[8] == 0 {
		if zero(b[11:]) {
			meant = append(meant, v4(b, 6, 7, 9, 10))
		}
		if zero(b[12:]) {
			meant = append(meant, v4(b, 7, 9, 10, 11))
		}
		if zero(b[13:]) {
			meant = append(meant, v4(b, 9, 10, 11, 12))
		}
	}
	if last := v4(b, 12, 13, 14, 15); len(meant) == 0 || !last.IsUnspecified() {
		meant = append(meant, last)
	}
	return meant
}

func v4(b [16]byte, at ...int) netip.Addr {
	return netip.AddrFrom4([4]byte{b[at[0]], b[at[1]], b[at[2]], b[at[3]]})
}
