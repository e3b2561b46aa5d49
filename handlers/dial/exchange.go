package dial

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	"golang.org/x/net/http/httpguts"

	"scrapelog/domain"
)

const (
	// streamBuffer is what is read ahead of a stream. Long lines of a header need
	// no more, and whoever reads events brings a buffer of their own.
	streamBuffer = 1 << 10
	// maxInterim is how many answers of the kind "103 Early Hints" may come before
	// the answer.
	maxInterim = 5
)

var (
	errHeaderTooLong = errors.New("the response header is longer than 64 KiB")
	errInterim       = errors.New("too many interim answers")
)

// Exchange opens a connection, sends req on it and returns the answer once its
// header is there. connected is called between the two, with what says whether
// something has arrived that was not read yet, be it the connection's end: the
// peer is not silent then, only the reader late. The body, which has the same as
// its method Waiting, reads from the connection itself: close it to end the
// connection, which ends with req's context too.
//
// It is what [Transport] does, for exchanges that are held for long: a transport
// keeps two goroutines and two buffers for each, which is most of what a stream
// costs. Like it, it never sends anything twice and follows nothing.
func Exchange(req *http.Request, cfg domain.ScraperConfig, connected func(waiting func() bool)) (*http.Response, error) {
	conn, err := open(req, cfg)
	if err != nil {
		return nil, err
	}
	connected(func() bool { return waiting(conn) })
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

func open(req *http.Request, cfg domain.ScraperConfig) (net.Conn, error) {
	d := dialer{connect: cfg.ConnectTimeout.Std()}
	connect, port := d.dial, "80"
	if req.URL.Scheme == "https" {
		connect, port = d.dialTLS, "443"
	}
	if given := req.URL.Port(); given != "" {
		port = given
	}
	host, err := httpguts.PunycodeHostPort(req.URL.Hostname())
	if err != nil {
		return nil, &net.DNSError{Err: "no name of a host", Name: req.URL.Hostname(), IsNotFound: true}
	}
	return connect(req.Context(), "tcp", net.JoinHostPort(host, port))
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
