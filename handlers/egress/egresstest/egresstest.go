// Package egresstest holds what every dialler of this program is tried with.
package egresstest

// Forbidden holds addresses that are refused whatever is configured, by the word
// that the refusal holds, in every form in which IPv6 can carry them.
var Forbidden = map[string][]string{
	"link-local": {
		"169.254.169.254", "169.254.0.1", "169.254.255.255", "fe80::1", "fe80::1%lo", "febf::1", "fe80::5efe:a9fe:a9fe",
		"::ffff:169.254.169.254", "::169.254.169.254", "::ffff:0:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1",
		"64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1::169.254.169.254", "64:ff9b:1:fffe::169.254.169.254", "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00:0",
		"2001:0:a9fe:a9fe::1", "2001:0:808:808:0:0:5601:5601", "2001:db8::5efe:169.254.169.254", "2001:db8::200:5efe:169.254.169.254",
	},
	"credentials": {
		"100.100.100.200", "::ffff:100.100.100.200", "64:ff9b::100.100.100.200", "2002:6464:64c8::",
		"168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
	},
	"multicast": {"224.0.0.1", "239.255.255.250", "ff02::1", "ff05::1:3", "::ffff:224.0.0.1", "64:ff9b::224.0.0.1", "2002:e000:1::"},
	"broadcast": {"255.255.255.255", "::ffff:255.255.255.255", "64:ff9b::255.255.255.255", "::255.255.255.255", "2002:ffff:ffff::"},
	"unspecified": {
		"0.0.0.0", "0.0.0.1", "0.255.255.255", "::", "::ffff:0.0.0.0", "64:ff9b::", "64:ff9b::0.0.0.0", "2002::1", "::ffff:0:0.0.0.0", "64:ff9b:1::",
	},
}
