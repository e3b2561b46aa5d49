//go:build !linux

package eventstoretest

import "syscall"

func endsWithTests(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as}
}
