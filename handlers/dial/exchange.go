package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"syscall"

	"scrapelog/domain"
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

// BoundError is an answer that goes past a bound of ours. Unlike what net/http says
// of an answer it quotes nothing of it.
type BoundError struct{ exceeded string }

func (e *BoundError) Error() string { return "the answer has " + e.exceeded }

var (
	errHeaderTooLong = &BoundError{"a header of more than 64 KiB"}
	errInterim       = &BoundError{"too many interim answers before it"}
)

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
// Waiting for the header is the caller's to bound, since a bound of the connection
// knows no grace: after this process was stopped and continued it is due at the
// same instant as the header that came meanwhile, and may win.
func Exchange(req *http.Request, cfg domain.ScraperConfig, connected func(waiting func() bool)) (*http.Response, error) {
	conn, err := Open(req.Context(), req.URL, cfg)
	if err != nil {
		return nil, err
	}
	connected(func() bool { return waiting(conn) })
	return exchangeOn(conn, req)
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
		resp, err := http.ReadResponse(in, req)
		if err != nil {
			return nil, header.or(err)
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			header.left = -1
			return resp, nil
		}
	}
	return nil, errInterim
}

// limited bounds what is read for a header; a negative rest is no bound.
type limited struct {
	conn net.Conn
	left int
	over bool
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return l.conn.Read(p)
	}
	if l.left == 0 {
		l.over = true
		return 0, errHeaderTooLong
	}
	n, err := l.conn.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// or is err, unless it is the limit's doing: parsers hide what they read from.
func (l *limited) or(err error) error {
	if l.over {
		return errHeaderTooLong
	}
	return err
}
