//go:build unix

package gate

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// withoutDescriptors names the test that runs in a process of its own, for it takes
// every descriptor.
const withoutDescriptors = "SCRAPELOG_TEST_WITHOUT_DESCRIPTORS"

func TestAShortageOfDescriptorsIsSaid(t *testing.T) {
	if os.Getenv(withoutDescriptors) == "" {
		itself := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		itself.Env = append(os.Environ(), withoutDescriptors+"=1")
		if out, err := itself.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := LimitConnections(inner, 10)
	defer listener.Close()
	if short := Shortages(listener, nil); len(short) > 0 {
		t.Fatalf("a shortage of %q", short)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if short := Shortages(listener, nil); len(short) != 1 || !strings.Contains(short[0], "no descriptor is free (too many open files)") {
		t.Errorf("a shortage of %q", short)
	}
}
