package networktest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// inside marks a process that has a network to itself.
const inside = "SCRAPELOG_TEST_NETWORK"

// Private says whether the test, which must be a top-level one, goes on here: in
// a process that has a network to itself. Elsewhere it runs the test once more in
// such a process, with env, takes over how that went, and says no. Where the
// kernel does not let us it logs NOT TESTED and why.
func Private(t *testing.T, env ...string) bool {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a network namespace; make test runs it")
	}
	if os.Getenv(inside) != "" {
		return settled(t)
	}
	var out bytes.Buffer
	child := exec.Command(os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.parallel=64", "-test.timeout=5m")
	child.Env = append(append(os.Environ(), inside+"=1"), env...)
	child.Stdout, child.Stderr, child.SysProcAttr = &out, &out, alone()
	in, err := child.StdinPipe() // closes when we end, however we do, and the child ends with it
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := child.Start(); err != nil {
		if notAllowed(err) {
			t.Logf("NOT TESTED: no network of its own for this test: %v", err)
			return false
		}
		t.Fatal(err)
	}
	err = child.Wait()
	t.Logf("in a network of its own:\n%s", out.String())
	if err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()+" ") {
		t.Errorf("in a network of its own the test fails: %v", err)
	}
	return false
}

// alone starts a process in a new, empty network. Who is not root needs a user
// namespace for that.
func alone() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	}
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
}

func notAllowed(err error) bool {
	for _, errno := range []error{syscall.EPERM, syscall.EACCES, syscall.ENOSYS, syscall.EINVAL, syscall.ENOSPC, syscall.EUSERS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

var settle = sync.OnceValue(func() error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	return errors.Join(
		ip("link", "set", "lo", "up"),
		ip("link", "add", "cable", "type", "veth", "peer", "name", "plug"),
		ip("link", "del", "cable"),
	)
})

// settled makes the most of a new network, and sees that it can have cables.
func settled(t *testing.T) bool {
	t.Helper()
	if err := settle(); err != nil {
		t.Logf("NOT TESTED: %v", err)
		return false
	}
	return true
}
