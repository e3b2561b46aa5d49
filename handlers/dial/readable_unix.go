//go:build unix

package dial

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// readable reports whether a read would return at once, with bytes or with the
// connection's end.
func readable(conn syscall.Conn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	ready := 0
	err = raw.Control(func(fd uintptr) {
		ready, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return err == nil && ready > 0
}
