package dial

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
)

// link is the connection of one exchange. It keeps how the answer began and what
// reading failed with, which the errors of net/http hide.
type link struct {
	net.Conn

	mu    sync.Mutex
	began []byte // the first bytes of the answer, as many as a status line has at least
	err   error  // what reading failed with first
}

func newLink(conn net.Conn) *link { return &link{Conn: conn} }

// Read implements io.Reader.
func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = append(l.began, p[:min(n, len(statusLine)-len(l.began))]...)
	if l.err == nil {
		l.err = err
	}
	return n, err
}

// Write implements io.Writer. It hides that sending failed: a peer may refuse a request
// that it has not read, and if it does not answer, reading says how the connection ended.
func (l *link) Write(p []byte) (int, error) {
	_, _ = l.Conn.Write(p)
	return len(p), nil
}

// failed notes what the exchange failed with, unless reading has failed before.
func (l *link) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// Waiting reports whether something has arrived that was not read; see [Exchange].
func (l *link) Waiting() bool {
	conn := l.Conn
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	plain, is := conn.(syscall.Conn)
	return is && readable(plain)
}
