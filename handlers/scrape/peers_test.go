package scrape

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// answer is a peer that answers every POST with the same bytes and closes.
func answer(s string) scenario {
	return scenario{peer: func(p *peer) {
		p.request()
		p.say(s)
	}}
}

// broken answers, waits until the follower has taken that in, and resets.
func broken(s string, signs int) scenario {
	return scenario{peer: func(p *peer) {
		p.request()
		p.say(s)
		p.heard(signs)
		p.reset()
	}}
}

// silent answers and then says nothing more.
func silent(s string) scenario {
	return scenario{peer: func(p *peer) {
		p.request()
		p.say(s)
		p.hang()
	}}
}

// dripping answers a byte at a time, until the follower has left.
func dripping(s string, pause time.Duration) scenario {
	return scenario{peer: func(p *peer) {
		p.request()
		for i := range len(s) {
			p.say(s[i : i+1])
			select {
			case <-p.gone:
				return
			case <-time.After(pause):
			}
		}
		p.hang()
	}}
}

// endless answers, and says the same until the follower has left.
func endless(s, again string) scenario {
	again = strings.Repeat(again, 1000)
	return scenario{peer: func(p *peer) {
		p.request()
		p.say(s)
		for {
			if _, err := io.WriteString(p, again); err != nil {
				return
			}
		}
	}}
}

func status(line string, headers ...string) scenario {
	return answer("HTTP/1.1 " + line + "\r\n" + strings.Join(append(headers, "Content-Length: 0"), "\r\n") + "\r\n\r\n")
}

// oneWord is a stream of one event in a whole body.
func oneWord(event, data string) scenario {
	return answer(chunkedHeader + chunk("event: "+event+"\ndata: "+data+"\n\n") + "0\r\n\r\n")
}

// handshake is a peer that speaks TLS with a certificate of its own.
func handshake(cert tls.Certificate, secure func(*tls.Conn)) scenario {
	return scenario{scheme: "https", secure: secure, peer: func(*peer) {},
		tls: &tls.Config{Certificates: []tls.Certificate{cert}}}
}

// tlsCut is a stream over TLS whose TCP connection is closed under it.
func tlsCut() scenario {
	return handshake(trusted.issue(), func(c *tls.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = c.Write([]byte(streamHeader + "\r\n" + progress))
		_ = c.NetConn().(*net.TCPConn).CloseWrite()
	})
}

// commentsOnly answers and then sends comments for as long as anybody listens.
func commentsOnly(s string) scenario {
	return scenario{peer: func(p *peer) {
		p.request()
		p.say(s)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.gone:
				return
			case <-tick.C:
				p.say(chunk(": still here\n\n"))
			}
		}
	}}
}

// ended is a healthy stream that we end ourselves once an event was heard.
func ended(why error) scenario {
	sc := silent(chunkedHeader + chunk(progress))
	sc.during = func(end context.CancelCauseFunc, alive <-chan time.Time) {
		<-alive
		<-alive
		end(why)
	}
	return sc
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fullPort is an address that drops every SYN: its queue of connections that
// nobody accepts is full.
func fullPort(t *testing.T) string {
	t.Helper()
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	for {
		conn, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
