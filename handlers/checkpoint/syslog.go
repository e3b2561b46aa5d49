package checkpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"scrapelog/handlers/egress"
)

// priority is that of the facility "log audit" and the severity "informational".
const priority = 13*8 + 6

// lookBack is how long a datagram may take to be refused by the machine that it is for.
const lookBack = 100 * time.Millisecond

// syslog sends messages of RFC 5424. Their text is JSON, in one line.
type syslog struct {
	network, address string // tls is TCP with TLS, as RFC 5425 has it
	dialer           egress.Dialer
	roots            *x509.CertPool // nil: the authorities that this machine trusts
}

func (s syslog) send(ctx context.Context, m message) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	text := s.format(m, time.Now())
	if s.network == "tcp" || s.network == "tls" {
		text = fmt.Sprintf("%d %s", len(text), text) // the octet counting of RFC 6587
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	return s.refused(conn)
}

func (s syslog) dial(ctx context.Context) (net.Conn, error) {
	if s.network == "unixgram" {
		return s.dialer.DialLocal(ctx, s.network, s.address)
	}
	if s.network != "tls" {
		return s.dialer.DialContext(ctx, s.network, s.address)
	}
	plain, err := s.dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(s.address) // Config.syslog has joined it
	conn := tls.Client(plain, &tls.Config{ServerName: host, RootCAs: s.roots, MinVersion: tls.VersionTLS12})
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return conn, nil
}

// refused returns what the other side says of a message. Syslog confirms none. But one that
// has read a connection to its end closes it, and resets it if it has not.
func (s syslog) refused(conn net.Conn) error {
	switch conn := conn.(type) {
	case *net.UnixConn:
		return nil
	case interface{ CloseWrite() error }: // TCP, with TLS or without
		if err := conn.CloseWrite(); err != nil {
			return err
		}
	default:
		_ = conn.SetReadDeadline(time.Now().Add(lookBack))
	}
	_, err := io.Copy(io.Discard, conn)
	var timedOut net.Error
	if errors.As(err, &timedOut) && timedOut.Timeout() && s.network == "udp" {
		return nil
	}
	return err
}

// format returns a message without its frame.
func (s syslog) format(m message, at time.Time) string {
	return fmt.Sprintf("<%d>1 %s %s scrapelog %d checkpoint - %s", priority, at.UTC().Format("2006-01-02T15:04:05.000000Z"), hostname(), os.Getpid(), m.json())
}

// hostname returns the name of this machine as RFC 5424 has it; "-": it is not known.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' }) {
		return "-"
	}
	return name
}
