package gate_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"scrapelog/handlers/gate"
)

func TestAcceptedConnectionsAreGivenUpAfterFifteenSecondsOfSilence(t *testing.T) {
	listener, err := gate.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var ms int
	var failed error
	if err := raw.Control(func(fd uintptr) { ms, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if ms != 15000 {
		t.Errorf("TCP_USER_TIMEOUT is %d ms", ms)
	}
}
