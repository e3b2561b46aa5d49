package gate

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// userTimeout is how long what was sent may go unacknowledged. Beats of a few
// bytes fill no buffer, so no write deadline ever sees a half-open connection;
// this does, three beats after the client was cut off.
const userTimeout = 15 * time.Second

// Listen listens for HTTP such that the kernel gives up half-open connections,
// where it can be told to. A watcher that was cut off is then noticed.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	config := net.ListenConfig{Control: limitUnacknowledged}
	return config.Listen(ctx, "tcp", addr)
}

// ValidAddress reports whether an address that was configured can be listened at: a host,
// which may be empty, and a port.
func ValidAddress(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return false
	}
	_, err = net.LookupPort("tcp", port)
	return err == nil
}

// Address returns where a listener listens; zero: not on TCP.
func Address(l net.Listener) netip.AddrPort {
	if tcp, is := l.Addr().(*net.TCPAddr); is {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
