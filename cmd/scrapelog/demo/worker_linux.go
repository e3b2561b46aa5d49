package demo

import "syscall"

// endsWithParent keeps the terminal's Ctrl-C from the worker, which is needed
// until the server has stopped, and has it stop when the demo dies.
func endsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
