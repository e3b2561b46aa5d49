package gate

import (
	"net"

	"golang.org/x/net/netutil"
)

const (
	// mostConnections is how many connections are served at once, where the limit of
	// descriptors would allow more.
	mostConnections = 10_000
	// reserved descriptors are for the database, the proof's files and the listener.
	reserved = 64
)

// Connections returns how many connections may be served at once: 80 % of the
// descriptors that this process may open, less a reserve. The rest is for what the
// service is about: connections to scrapers.
func Connections() int { return connectionsOf(descriptors()) }

func connectionsOf(descriptors uint64) int {
	n := int(min(descriptors, 2*mostConnections))
	return min(max(n*8/10-reserved, n/4, 1), mostConnections)
}

// LimitConnections serves at most so many of a listener's connections at once. Those
// beyond it wait, in the kernel, for one to end.
func LimitConnections(listener net.Listener, most int) net.Listener {
	return netutil.LimitListener(listener, most)
}
