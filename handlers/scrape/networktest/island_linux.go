package networktest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// Island is another network, with one cable to ours.
type Island struct {
	t            *testing.T
	network      *os.File
	Ours, Theirs string // addresses
	Cable, Plug  string // the cable's ends: here and there
}

var islands atomic.Int32

// NewIsland makes one. Only a test in a [Private] network may.
func NewIsland(t *testing.T) *Island {
	t.Helper()
	n := islands.Add(1)
	i := &Island{
		t: t, Cable: fmt.Sprintf("cable%d", n), Plug: "plug",
		Ours: fmt.Sprintf("10.77.%d.1", n), Theirs: fmt.Sprintf("10.77.%d.2", n),
	}
	if err := onThread(i.make); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.network.Close() })
	i.There("link", "set", "lo", "up")
	i.There("link", "add", i.Plug, "type", "veth", "peer", "name", i.Cable, "netns", fmt.Sprint(os.Getpid()))
	i.There("addr", "add", i.Theirs+"/24", "dev", i.Plug)
	i.There("link", "set", i.Plug, "up")
	i.Here("addr", "add", i.Ours+"/24", "dev", i.Cable)
	i.Here("link", "set", i.Cable, "up")
	return i
}

// make leaves this thread in a new network.
func (i *Island) make() (err error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("another network: %w", err)
	}
	i.network, err = os.Open("/proc/thread-self/ns/net")
	return err
}

// Here runs ip in our network.
func (i *Island) Here(args ...string) {
	i.t.Helper()
	if err := ip(args...); err != nil {
		i.t.Error(err)
	}
}

// There runs ip in the island's.
func (i *Island) There(args ...string) {
	i.t.Helper()
	if err := i.visit(func() error { return ip(args...) }); err != nil {
		i.t.Error(err)
	}
}

// Start starts a command there.
func (i *Island) Start(cmd *exec.Cmd) error { return i.visit(cmd.Start) }

// Route makes the island pass on what is not for itself.
func (i *Island) Route() {
	i.t.Helper()
	err := i.visit(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
	if err != nil {
		i.t.Error(err)
	}
}

func (i *Island) visit(do func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(i.network.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("to the island: %w", err)
		}
		return do()
	})
}

// onThread does something on a thread that is given up afterwards: its network is
// not ours. The main thread is left alone, since what it has is what others take
// this process to have.
func onThread(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onThread(do)
			return
		}
		done <- do()
	}()
	return <-done
}

func ip(args ...string) error {
	program := "ip"
	for _, path := range []string{"/usr/sbin/ip", "/sbin/ip"} { // Debian puts it on nobody's path but root's
		if _, err := os.Stat(path); err == nil {
			program = path
		}
	}
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
