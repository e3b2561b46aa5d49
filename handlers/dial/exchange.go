package dial

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// buffer is the size of the buffers for reading and for writing. The
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
// closed. net/http's transport would do the same, with two goroutines that stay as long
// as the stream: their stacks are most of what a stream costs.
func (l *link) exchange(req *http.Request) (*http.Response, error) {
	stop := context.AfterFunc(req.Context(), func() { _ = l.Close() })
	req.Close = true // the connection is not used again
	go l.send(req)   // a peer may answer, or refuse, what it has not read
	header := &io.LimitedReader{R: l, N: maxHeader}
	read := bufio.NewReaderSize(header, buffer)
	resp, err := http.ReadResponse(read, req)
	for err == nil && resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols {
		resp, err = http.ReadResponse(read, req)
	}
	if err != nil {
		stop()
		_ = l.Close()
		if cause := context.Cause(req.Context()); cause != nil {
			return nil, cause
		}
		if header.N <= 0 {
			err = errHeaderTooLong
		}
		return nil, l.explain(err)
	}
	header.N = math.MaxInt64
	resp.Body = body{resp.Body, l, stop}
	return resp, nil
}

var errHeaderTooLong = errors.New("response headers exceeded the limit")

// send writes the request. If the peer does not take it, reading says how the connection
// ended; otherwise the request itself cannot be written.
func (l *link) send(req *http.Request) {
	write := bufio.NewWriterSize(l, buffer)
	if err := errors.Join(req.Write(write), write.Flush()); err != nil {
		l.failed(err)
		_ = l.Close()
	}
}

// body is the body of an answer, with its connection.
type body struct {
	io.ReadCloser
	link *link
	stop func() bool // ends the watch over the request's context
}

// Close closes the connection, however much of the body was read.
func (b body) Close() error {
	b.stop()
	return b.link.Close()
}

// Waiting reports whether something has arrived that was not read; see [Exchange].
func (b body) Waiting() bool { return b.link.Waiting() }
