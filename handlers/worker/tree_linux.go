package worker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// stat is what /proc says about a process.
type stat struct {
	pid, parent int
	state       byte   // 'Z': it has ended, and its parent has not taken note
	since       string // when it was started, in ticks since the machine was
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	// "pid (name) state ppid …"; a name may hold anything, ")" included.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("process %d: %q", pid, text)
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return stat{pid: pid, parent: parent, state: fields[0][0], since: string(fields[19])}, err
}

// processes lists all that can be seen.
func processes() (all []stat) {
	folder, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil { // else it has ended meanwhile
			all = append(all, s)
		}
	}
	return all
}

// descendants lists the processes below ancestor, those that have ended and were
// not reaped included.
func descendants(ancestor int) (below []stat) {
	children := map[int][]stat{}
	for _, s := range processes() {
		children[s.parent] = append(children[s.parent], s)
	}
	for next := []int{ancestor}; len(next) > 0; {
		parent := next[0]
		next = next[1:]
		for _, s := range children[parent] {
			below = append(below, s)
			next = append(next, s.pid)
		}
	}
	return below
}

// signalAll returns the processes that it was not allowed to signal.
func signalAll(to []stat, sig syscall.Signal) (spared []int) {
	for _, s := range to {
		if s.state != 'Z' && errors.Is(syscall.Kill(s.pid, sig), syscall.EPERM) {
			spared = append(spared, s.pid)
		}
	}
	return spared
}

// guardID names a guard for as long as the machine runs: process ids are reused,
// and each PID namespace has its own.
func guardID(pid int) string {
	s, _ := readStat(pid)
	return fmt.Sprintf("%s:%d:%s", pidNamespace(), pid, s.since)
}

func pidNamespace() string {
	name, _ := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	return strings.Trim(name, "pid:[]")
}

// killForsaken ends the processes whose guard was killed, and says how many those
// were. A guard that lives ends its scrape by itself.
func killForsaken() (killed int) {
	seen := map[stat]bool{}
	for {
		var left []stat
		for _, s := range processes() {
			if s.state != 'Z' && s.pid != os.Getpid() && forsaken(s.pid) {
				left = append(left, s)
			}
		}
		spared := signalAll(left, syscall.SIGKILL)
		for _, s := range left {
			if !slices.Contains(spared, s.pid) {
				s.state, s.parent = 0, 0
				seen[s] = true
			}
		}
		if len(left) == len(spared) {
			return len(seen)
		}
	}
}

// forsaken reports whether a process carries the mark of a guard that has ended.
func forsaken(pid int) bool {
	environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false // it has ended, or is another user's
	}
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if mark, is := bytes.CutPrefix(variable, []byte(guardMark+"=")); is {
			return guardEnded(string(mark))
		}
	}
	return false
}

// guardEnded reports whether the guard of that id has ended, though it may not have
// been reaped. Of another namespace's guard it knows nothing.
func guardEnded(id string) bool {
	parts := strings.Split(id, ":")
	if len(parts) != 3 || parts[0] != pidNamespace() {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	s, err := readStat(pid)
	return err != nil || s.state == 'Z' || s.since != parts[2]
}
