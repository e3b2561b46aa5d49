package eventstoretest

import "syscall"

// endsWithTests runs a process as another user, and has the kernel stop it when the tests die.
func endsWithTests(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
}
