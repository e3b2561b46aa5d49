package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

const (
	// streamBuffer is what is read ahead of a stream. Long lines of a header need
	// no more, and whoever reads events brings a buffer of their own.
	streamBuffer = 1 << 10
	// maxHeader bounds what comes before a body.
	maxHeader = 64 << 10
	// maxInterim is how many answers of the kind "103 Early Hints" may come before
	// the answer.
	maxInterim = 5
)

// pause is how long Exchange waits before it tries to open a connection again.
const pause = 50 * time.Millisecond

// Exchange opens a connection, sends req on it and returns the answer once its
// header is there. connected is called between the two, with what says whether
// something has arrived that was not read yet, be it the connection's end: the
// peer is not silent then, only the reader late. The body, which has the same as
// its method Waiting, reads from the connection itself: close it to end the
// connection, which ends with req's context too.
//
// It stands where a net/http transport would, which keeps two goroutines and two
// buffers for each connection: most of what a held stream costs. Nothing is ever
// sent twice and no redirect is followed.
//
// While this process has no descriptor or memory left for a connection, it tries
// again for t's start_timeout; see [Exhausted].
//
// Waiting for the header is the caller's to bound, since a bound of the connection
// knows no grace: after this process was stopped and continued it is due at the
// same instant as the header that came meanwhile, and may win.
func Exchange(req *http.Request, t Target, connected func(waiting func() bool)) (*http.Response, error) {
	conn, err := openPatiently(req.Context(), req.URL, t)
	if err != nil {
		return nil, err
	}
	connected(func() bool { return waiting(conn) })
	return exchangeOn(conn, req)
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

// exchangeOn owns conn: with its error, or with the body, the connection is closed.
func exchangeOn(conn net.Conn, req *http.Request) (*http.Response, error) {
	stop := context.AfterFunc(req.Context(), func() { _ = conn.Close() })
	resp, err := converse(conn, req)
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, err
	}
	resp.Body = &streamed{resp.Body, conn, stop}
	return resp, nil
}

// streamed is a body whose end is its connection's. The body's own Close would
// read a stream to its end first.
type streamed struct {
	io.Reader
	conn net.Conn
	stop func() bool
}

// Close implements io.Closer.
func (s *streamed) Close() error {
	s.stop()
	return s.conn.Close()
}

// Waiting is for [Exchange] to explain.
func (s *streamed) Waiting() bool { return waiting(s.conn) }

func waiting(conn net.Conn) bool {
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	plain, is := conn.(syscall.Conn)
	return is && readable(plain)
}

// converse sends and reads at once: whoever refuses a request need not have read
// it. When sending fails, reading says how the connection ended.
func converse(conn net.Conn, req *http.Request) (*http.Response, error) {
	req.Close = true
	go func() {
		w := bufio.NewWriter(conn)
		if req.Write(w) == nil {
			_ = w.Flush()
		}
	}()
	header := &limited{conn: conn, left: maxHeader}
	in := bufio.NewReaderSize(header, streamBuffer)
	for range maxInterim {
		head, _ := in.Peek(len(statusLine)) // a shorter answer ends the connection
		began := string(head)
		resp, err := http.ReadResponse(in, req)
		if err != nil {
			return nil, header.explain(began, err)
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			header.left = -1
			return resp, nil
		}
	}
	return nil, &MalformedError{Problem: "too many interim answers came before it"}
}

// limited bounds what is read for a header; a negative rest is no bound. It keeps
// what the connection failed with, which parsers hide.
type limited struct {
	conn net.Conn
	left int
	err  error
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (n int, err error) {
	switch {
	case l.left < 0:
		return l.conn.Read(p)
	case l.err != nil:
		return 0, l.err
	case l.left == 0:
		l.err = errHeaderTooLong
		return 0, l.err
	}
	n, l.err = l.conn.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, l.err
}
