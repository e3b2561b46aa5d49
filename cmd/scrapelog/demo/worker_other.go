//go:build !linux

package demo

import "syscall"

func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
