package gate

import (
	"math"
	"net"
	"strings"
	"testing"
	"time"
)

func TestConnectionsLeaveDescriptorsForRuns(t *testing.T) {
	for descriptors, want := range map[uint64]int{
		0: 1, 16: 4, 64: 16, 256: 140, 400: 256, 1024: 755, 4096: 3212, 20_000: 15_936, 20_001: mostConnections, 1 << 20: mostConnections, math.MaxUint64: mostConnections,
	} {
		if got := connectionsOf(descriptors); got != min(want, mostConnections) {
			t.Errorf("of %d descriptors %d are for connections, want %d", descriptors, got, want)
		}
	}
	if n := Connections(); n < 1 || n > mostConnections {
		t.Errorf("%d connections here", n)
	}
}

func TestAConnectionBeyondTheLimitWaits(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := LimitConnections(inner, 1)
	defer listener.Close()
	accepted := make(chan net.Conn)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	for range 2 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	first := <-accepted
	if short := Shortages(listener, nil); len(short) != 1 || !strings.HasPrefix(short[0], "all 1 connections are in use") {
		t.Errorf("while one waits there is a shortage of %q", short)
	}
	select {
	case <-accepted:
		t.Fatal("two connections of one were accepted")
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case second := <-accepted:
		_ = second.Close()
		_ = second.Close() // net/http closes some twice
	case <-time.After(30 * time.Second):
		t.Fatal("the second waits for ever")
	}
	if short := Shortages(listener, &Streams{Total: 1}); len(short) > 0 {
		t.Errorf("after the last has ended there is a shortage of %q", short)
	}
	if short := Shortages(listener, &Streams{Total: 1, open: 1}); len(short) != 1 || !strings.HasPrefix(short[0], "1 streams are open") {
		t.Errorf("with the last stream open there is a shortage of %q", short)
	}
}
