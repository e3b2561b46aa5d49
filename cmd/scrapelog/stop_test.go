package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// truthful takes out what a server may rightly say here: who runs it, and that a busy
// machine kept it from saying that it lives.
var truthful = strings.NewReplacer("WRN running as root", "", "WRN waiting for beats of other instances", "")

// TestStopDuringTheStart: whenever the signal comes, and be it twice, the server ends
// with 0 and says nothing that is wrong.
func TestStopDuringTheStart(t *testing.T) {
	t.Parallel()
	const tries = 16
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		dir := t.TempDir()
		config := write(t, filepath.Join(dir, "scrapelog.yaml"), scrapers(40)+
			fmt.Sprintf("audit: {key: %q, checkpoints: %q}\n", filepath.Join(dir, "audit.key"), filepath.Join(dir, "audit.checkpoints")))
		measured, began := startListening(t, config, db.URL)
		await(t, 30*time.Second, "it serves", func() bool { return strings.Contains(measured.out.String(), " serving ") })
		whole := time.Since(began) * 2
		measured.stop(t)
		for i := range tries {
			p, _ := startListening(t, config, db.URL)
			<-time.After(whole * time.Duration(i) / tries)
			signal := []os.Signal{syscall.SIGTERM, os.Interrupt}[i%2]
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if i%4 > 1 { // as timeout does, which asks the process and then its group
				<-time.After(time.Duration(i) * 100 * time.Microsecond)
				_ = p.Process.Signal(signal) // it may have ended
			}
			select {
			case <-p.done:
			case <-time.After(30 * time.Second):
				t.Fatalf("%s after %d/%d of the start: it does not end", signal, i, tries)
			}
			if code := p.ProcessState.ExitCode(); code != 0 {
				t.Errorf("%s after %d/%d of the start: exit %d\n%s", signal, i, tries, code, p.out.end())
			}
			for _, level := range []string{" WRN ", " ERR ", "scrapelog: "} {
				if strings.Contains(truthful.Replace(p.out.String()), level) {
					t.Errorf("%s after %d/%d of the start: it says\n%s", signal, i, tries, p.out.end())
				}
			}
		}
	})
}

// startListening starts serve and waits until it listens, which is the first thing that it
// does: before that the program may not be able to catch a signal yet.
func startListening(t *testing.T, config, db string) (p *process, since time.Time) {
	t.Helper()
	address := gatetest.FreeAddress(t)
	p = start(t, "serve", "--config", config, "--listen", address, "--db", db)
	await(t, 30*time.Second, "it listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return p, time.Now()
}

func scrapers(n int) string {
	var b strings.Builder
	b.WriteString("scrapers:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: s%d, url: \"http://127.0.0.1:9/\", schedule: \"@daily\"}\n", i)
	}
	return b.String()
}
