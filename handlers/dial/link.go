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
	asking func() // closes asked
	asked  chan struct{}

	mu    sync.Mutex
	began []byte // the first bytes of the answer, as many as a status line has at least
	err   error  // what reading failed with first
}

func newLink(conn net.Conn) *link {
	asked := make(chan struct{})
	return &link{Conn: conn, asked: asked, asking: sync.OnceFunc(func() { close(asked) })}
}

// Read implements io.Reader. It waits until the request is being sent: net/http
// logs an answer that comes earlier and drops it.
func (l *link) Read(p []byte) (int, error) {
	<-l.asked
	n, err := l.Conn.Read(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = append(l.began, p[:min(n, len(statusLine)-len(l.began))]...)
	if l.err == nil {
		l.err = err
	}
	return n, err
}

// Write implements io.Writer. It hides that sending failed, because net/http would
// give up then. A peer may refuse a request that it has not read, and if it does
// not answer, reading says how the connection ended.
func (l *link) Write(p []byte) (int, error) {
	l.asking()
	_, _ = l.Conn.Write(p)
	return len(p), nil
}

// Close implements io.Closer.
func (l *link) Close() error {
	l.asking()
	return l.Conn.Close()
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
