package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ownGroup starts a program in a group of its own, and has it killed with the
// worker: a command that outlived it would overlap with its rescrape.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// alive says whether anybody in the group still executes. Signals reach the dead
// too until their parent has reaped them, and a container's first process may
// never do that.
func alive(pgid int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// "pid (name) state ppid pgrp …"; a name may hold anything, ")" included.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 2 && string(fields[2]) == strconv.Itoa(pgid) && !bytes.ContainsAny(fields[0], "ZX") {
			return true
		}
	}
	return false
}
