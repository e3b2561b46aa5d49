package worker

import (
	"log/slog"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// A client whose network was cut says nothing: the kernel must give up on it.
func TestConnectionsGiveUpWhatIsNotAcknowledged(t *testing.T) {
	cfg := commandConfig("true")
	cfg.Listen, cfg.Beat = "127.0.0.1:0", DefaultConfig().Beat
	w, err := New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := w.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var ms int
	if err := raw.Control(func(fd uintptr) { ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil {
		t.Fatal(err)
	}
	if ms != 15000 {
		t.Errorf("TCP_USER_TIMEOUT = %d ms", ms)
	}
}
