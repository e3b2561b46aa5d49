//go:build !linux

package worker

import "syscall"

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// alive is asked while signals reach the group; here nothing tells the dead apart.
func alive(int) bool { return true }
