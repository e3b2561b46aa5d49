package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/gate/gatetest"
)

// behindVarnish starts a real one, with what it does by default, and returns its URL.
func behindVarnish(t *testing.T, backend string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs varnish; make test runs it")
	}
	path, err := exec.LookPath("varnishd")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/varnishd"); err != nil {
			t.Fatal("this test needs varnish: ", err)
		}
	}
	listen := gatetest.FreeAddress(t)
	cmd := exec.Command(path, "-F", "-j", "none", "-a", listen, "-b", backend, "-n", t.TempDir(), "-s", "malloc,16m", "-T", "none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its child is stopped with it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	until(t, "varnish listens", func() bool {
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return "http://" + listen + "/scrapes/shop"
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// backend is a scraper that can die and come back at its address.
type backend struct {
	address, cacheControl string
	server                *http.Server
}

func (b *backend) up(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	b.address = l.Addr().String()
	b.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if b.cacheControl != "" {
			w.Header().Set("Cache-Control", b.cacheControl)
		}
	})}
	go func() { _ = b.server.Serve(l) }()
	t.Cleanup(func() { _ = b.server.Close() })
}

// TestADeadScraperBehindACache checks that answers which varnish stores by default
// restore nothing, and that a scraper with no-store is found back at once.
func TestADeadScraperBehindACache(t *testing.T) {
	for cacheControl, comesBack := range map[string]bool{"": false, "no-store": true} {
		t.Run(fmt.Sprintf("Cache-Control %q", cacheControl), func(t *testing.T) {
			b := &backend{address: "127.0.0.1:0", cacheControl: cacheControl}
			b.up(t)
			w := newWorld()
			w.config.URL, w.config.Probe.Interval = behindVarnish(t, b.address), domain.Duration(100*time.Millisecond)
			until(t, "a probe gets through", func() bool { back, _, _ := dial.Probe(t.Context(), w.config); return back })
			_ = b.server.Close()

			var mu sync.Mutex
			cached, gateway := 0, 0
			p := w.prober()
			p.Ask = func(ctx context.Context, c dial.Target) (back, answered bool, err error) {
				back, answered, err = dial.Probe(ctx, c)
				mu.Lock()
				defer mu.Unlock()
				var kept *dial.CachedError
				if errors.As(err, &kept) {
					cached++
				} else if answered && !back {
					gateway++
				}
				return back, answered, err
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- p.Run(ctx) }()
			defer func() { cancel(); <-done }()
			until(t, "it was probed twenty times", func() bool { mu.Lock(); defer mu.Unlock(); return cached+gateway >= 20 })
			if len(w.restored) > 0 || (cached > 0) == comesBack {
				t.Fatalf("restored %d times after %d kept answers and %d of a gateway", len(w.restored), cached, gateway)
			}
			if !comesBack {
				return
			}
			b.up(t)
			select {
			case <-w.restored:
			case <-time.After(30 * time.Second):
				t.Error("it is not found back")
			}
		})
	}
}
