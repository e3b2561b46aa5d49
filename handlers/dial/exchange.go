package dial

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"scrapelog/handlers/egress"
)

const (
	// buffer is the size of net/http's buffers for reading and for writing. The
	// lines of a header need no more, and the reader of a stream has its own buffer.
	buffer = 1 << 10
	// maxHeader limits what precedes the body: the header of the answer and of
	// interim answers such as "103 Early Hints".
	maxHeader = 64 << 10
	// pause is the time between two attempts of [Exchange] to open a connection.
	pause = 50 * time.Millisecond
)

// Exchange opens a connection, sends req on it and returns the answer when its
// header has been read. It calls connected as soon as the connection is open and
// passes it a function which reports whether bytes, or the end of the connection,
// have arrived that were not read yet: then the peer is not silent, the reader is
// late. The body of the answer has this function as its method Waiting. Closing the
// body closes the connection, and so does the end of req's context.
//
// Nothing is sent twice, and no redirect is followed.
//
// While this process has no descriptor or memory left for a connection, Exchange
// tries again until t's start_timeout is over; see [Exhausted].
//
// Exchange itself does not limit the time until the header is read: a deadline of
// the connection has no grace. When this process was stopped and continued, the
// deadline and a header that arrived meanwhile are due at the same instant, and the
// deadline may win.
func Exchange(req *http.Request, t Target, connected func(waiting func() bool)) (*http.Response, error) {
	conn, err := openPatiently(req.Context(), req.URL, t)
	if err != nil {
		return nil, err
	}
	l := newLink(conn)
	connected(l.Waiting)
	return l.exchange(req)
}

func openPatiently(ctx context.Context, u *url.URL, t Target) (net.Conn, error) {
	for deadline := time.Now().Add(t.StartTimeout.Std()); ; {
		conn, err := Open(ctx, u, t)
		if err == nil || !Exhausted(err) || time.Until(deadline) <= 0 {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(min(pause, time.Until(deadline))):
		}
	}
}

// exchange sends req and returns the answer. With an error the connection is
// closed. The transport has this connection only, so that net/http cannot send the
// request again on another.
func (l *link) exchange(req *http.Request) (*http.Response, error) {
	transport := egress.TransportOver(l)
	transport.DisableCompression, transport.MaxResponseHeaderBytes = true, maxHeader
	transport.ReadBufferSize, transport.WriteBufferSize = buffer, buffer
	resp, err := transport.RoundTrip(req)
	if err != nil {
		_ = l.Close()
		if cause := context.Cause(req.Context()); cause != nil {
			return nil, cause
		}
		return nil, l.explain(err)
	}
	resp.Body = body{resp.Body, l}
	return resp, nil
}

// body is the body of an answer, with its connection.
type body struct {
	io.ReadCloser
	link *link
}

// Waiting reports whether something has arrived that was not read; see [Exchange].
func (b body) Waiting() bool { return b.link.Waiting() }
