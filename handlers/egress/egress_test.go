package egress_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

func addrPort(addr string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), port)
}

func TestSomeAddressesAreNeverAllowed(t *testing.T) {
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for why, addresses := range egresstest.Forbidden {
		for _, addr := range addresses {
			for name, rules := range map[string]egress.Rules{
				"of the file": {}, "of the API": {PublicOnly: true}, "allowed by name": {PublicOnly: true, Allow: everything},
			} {
				err := rules.Check(addrPort(addr, 80))
				var denied *egress.DeniedError
				if !errors.As(err, &denied) || !errors.Is(err, domain.ErrInvalid) || !strings.Contains(denied.Why, why) {
					t.Errorf("%s, a scraper %s: %v; want one that says %s", addr, name, err, why)
				}
			}
		}
	}
}

func TestPrivateAddresses(t *testing.T) {
	for _, addr := range []string{
		"127.0.0.1", "127.255.255.254", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fc00::1", "100.64.0.1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::192.168.1.1", "2002:7f00:1::", "2002:a00:1::", "::127.0.0.1",
		"198.18.0.1", "192.0.2.1", "240.0.0.1", "2001:db8::1", "fec0::1", "100::1",
	} {
		at := addrPort(addr, 80)
		if err := (egress.Rules{}).Check(at); err != nil {
			t.Errorf("%s, a scraper of the file: %v", addr, err)
		}
		if err := (egress.Rules{PublicOnly: true}).Check(at); err == nil || !strings.Contains(err.Error(), "not on the internet") {
			t.Errorf("%s, a scraper of the API: %v", addr, err)
		}
	}
	for _, addr := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "192.167.1.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8", "::ffff:8.8.8.8"} {
		if err := (egress.Rules{PublicOnly: true}).Check(addrPort(addr, 80)); err != nil {
			t.Errorf("%s is on the internet: %v", addr, err)
		}
	}
}

func TestNetworksThatAreAllowedOrDenied(t *testing.T) {
	networks := func(texts ...string) []netip.Prefix {
		parsed, err := egress.ParseNetworks("egress.allow", texts)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	rules := egress.Rules{PublicOnly: true, Allow: networks("10.0.0.0/8", "fd00::/8", "127.0.0.1"), Deny: networks("10.1.0.0/16", "8.8.8.8/32", "::ffff:9.9.9.0/120")}
	for addr, allowed := range map[string]bool{
		"10.2.0.1": true, "::ffff:10.2.0.1": true, "64:ff9b::10.2.0.1": true, "fd00::1": true, "127.0.0.1": true, "1.1.1.1": true,
		"10.1.0.1": false, "64:ff9b::10.1.0.1": false, "8.8.8.8": false, "::ffff:8.8.8.8": false, "9.9.9.9": false,
		"127.0.0.2": false, "192.168.0.1": false, "fc00::1": false, "fd00:ec2::254": false,
	} {
		if err := rules.Check(addrPort(addr, 80)); (err == nil) != allowed {
			t.Errorf("%s: %v", addr, err)
		}
	}
	rules.PublicOnly = false
	if err := rules.Check(addrPort("10.1.0.1", 80)); err == nil {
		t.Error("egress.deny does not hold for a scraper of the file")
	}
	for _, bad := range []string{"", "10.0.0.0/33", "shop.example", "10.0.0", "fe80::1%lo", "*"} {
		var field *domain.FieldError
		if _, err := egress.ParseNetworks("egress.deny", []string{"10.0.0.0/8", bad}); !errors.As(err, &field) || field.Field != "egress.deny[1]" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOurOwnListener(t *testing.T) {
	loopback := egress.Rules{Own: addrPort("127.0.0.1", 8080)}
	wide := egress.Rules{Own: addrPort("::", 8080)}
	for _, test := range []struct {
		rules   egress.Rules
		addr    string
		port    uint16
		allowed bool
	}{
		{loopback, "127.0.0.1", 8080, false}, {loopback, "::ffff:127.0.0.1", 8080, false}, {loopback, "64:ff9b::127.0.0.1", 8080, false},
		{loopback, "127.0.0.1", 8081, true}, {loopback, "127.0.0.2", 8080, true}, {loopback, "::1", 8080, true},
		{wide, "127.0.0.1", 8080, false}, {wide, "127.9.9.9", 8080, false}, {wide, "::1", 8080, false}, {wide, "127.0.0.1", 8081, true},
		{wide, "1.1.1.1", 8080, true},
	} {
		if err := test.rules.Check(addrPort(test.addr, test.port)); (err == nil) != test.allowed {
			t.Errorf("%s port %d with a listener at %s: %v", test.addr, test.port, test.rules.Own, err)
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		own := netip.MustParsePrefix(a.String()).Addr()
		if err := wide.Check(netip.AddrPortFrom(own, 8080)); err == nil {
			t.Errorf("%s is an address of this machine", own)
		}
	}
}
