//go:build !unix

package dial

import "syscall"

func readable(syscall.Conn) bool { return false }
