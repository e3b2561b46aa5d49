package gate

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

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

// Limited is a listener that serves so many connections at once. Those beyond it wait,
// in the kernel, for one to end.
type Limited struct {
	net.Listener
	most int
	open atomic.Int64
}

// LimitConnections serves at most so many of a listener's connections at once.
func LimitConnections(listener net.Listener, most int) *Limited {
	return &Limited{Listener: netutil.LimitListener(listener, most), most: most}
}

// Accept implements net.Listener.
func (l *Limited) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	return &limited{conn, sync.OnceFunc(func() { l.open.Add(-1) })}, nil
}

// limited is a connection of a Limited.
type limited struct {
	net.Conn
	ended func()
}

// Close implements net.Conn. It may be called more than once.
func (c *limited) Close() error {
	c.ended()
	return c.Conn.Close()
}

// Shortages says in words of what further clients, and runs, find none left:
// connections of l, streams of s, descriptors of this process.
func Shortages(l *Limited, s *Streams) (short []string) {
	if int(l.open.Load()) >= l.most {
		short = append(short, fmt.Sprintf("all %d connections are in use, and further clients wait (limits.connections)", l.most))
	}
	if n, full := s.full(); full {
		short = append(short, fmt.Sprintf("%d streams are open, and further ones are refused (limits.streams)", n))
	}
	file, err := os.Open(os.DevNull)
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return append(short, fmt.Sprintf("no descriptor is free (%v): runs wait for one; raise the limit (ulimit -n)", errors.Unwrap(err)))
	}
	if err == nil {
		_ = file.Close()
	}
	return short
}
