package sse_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"scrapelog/handlers/sse"
)

// one is a listener with one connection.
type one struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l one) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l one) Close() error   { close(l.done); return nil }
func (l one) Addr() net.Addr { return &net.UnixAddr{} }

// The client asks and never reads: the first message may take its time and no more.
func TestAClientThatDoesNotReadIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 1)
		var took time.Duration
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			started := time.Now()
			err := sse.NewWriter(rw).Send("beat", "", nil)
			took = time.Since(started)
			failed <- err
		})}
		client, conn := net.Pipe()
		listener := one{make(chan net.Conn, 1), make(chan struct{})}
		listener.conns <- conn
		go server.Serve(listener)
		defer server.Close()
		defer client.Close()
		fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) || took != sse.WriteTimeout {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

// A deadline left behind would run out in the silence between two messages and
// cut the next one.
func TestSilenceIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			w := sse.NewWriter(rw)
			err := w.Send("beat", "", nil)
			time.Sleep(10 * sse.WriteTimeout)
			_, late := rw.Write([]byte("x"))
			ended <- errors.Join(err, late, http.NewResponseController(rw).Flush())
		})}
		client, conn := net.Pipe()
		listener := one{make(chan net.Conn, 1), make(chan struct{})}
		listener.conns <- conn
		go server.Serve(listener)
		defer server.Close()
		defer client.Close()
		fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		go func() {
			for buf := make([]byte, 1024); ; {
				if _, err := client.Read(buf); err != nil {
					return
				}
			}
		}()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
