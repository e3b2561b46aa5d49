package scrape

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/domain"
)

// scraperVariable makes this test binary a scraper at the address that it holds:
// a process that can be stopped, killed and cut off like any other.
const scraperVariable = "SCRAPELOG_TEST_SCRAPER"

// serveScraper streams for as long as anybody listens, something every 20 ms.
func serveScraper(address string) int {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(l.Addr())
	go func() { _ = http.Serve(l, http.HandlerFunc(streamOn)) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is gone
	return 0
}

func streamOn(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, progress); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// scraperProcess is a scraper in a process of its own.
type scraperProcess struct {
	url string
	cmd *exec.Cmd
}

// startScraper starts one, wherever start does.
func startScraper(t *testing.T, address string, start func(*exec.Cmd) error) *scraperProcess {
	t.Helper()
	s := &scraperProcess{cmd: exec.Command(os.Args[0])}
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), scraperVariable+"="+address), os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(s.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		s.signal(syscall.SIGCONT)
		s.signal(syscall.SIGKILL)
		_ = s.cmd.Wait()
	})
	at, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + strings.TrimSpace(at) + "/scrapes/shop"
	return s
}

func (s *scraperProcess) signal(what syscall.Signal) { _ = s.cmd.Process.Signal(what) }

// pause stops the process and returns once all its threads stand: until then one of
// them may still accept a connection and answer.
func (s *scraperProcess) pause(t *testing.T) {
	s.signal(syscall.SIGSTOP)
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || !status.Stopped() {
			t.Errorf("the scraper did not stop: %v, %#x", err, status)
		}
		return
	}
}

// onceHeard does something to a stream after its first event.
func onceHeard(do func()) func(context.CancelCauseFunc, <-chan time.Time) {
	return func(_ context.CancelCauseFunc, alive <-chan time.Time) {
		<-alive // the header
		<-alive // an event
		do()
	}
}

func idling(limit time.Duration) func(*domain.ScraperConfig) {
	return func(c *domain.ScraperConfig) { c.IdleTimeout = domain.Duration(limit) }
}

// anyEvents takes over how many events there were: here nobody counts them.
func (w want) anyEvents(c domain.RunCommand) want {
	if lost, is := c.(domain.ReportConnectionLost); is {
		w.events = lost.Received.Events
	}
	return w
}

// TestFaultsOfAProcess stops and kills a scraper that is a real process.
func TestFaultsOfAProcess(t *testing.T) {
	const idle = time.Second
	faults := map[string]struct {
		config func(*domain.ScraperConfig)
		during func(t *testing.T, s *scraperProcess)
		first  bool // do it before the run is POSTed
		want   want
	}{
		"killed":                     {during: func(_ *testing.T, s *scraperProcess) { s.signal(syscall.SIGKILL) }, want: streamed(domain.CauseTruncated, 0).unsent()},
		"stopped":                    {config: idling(idle), during: func(t *testing.T, s *scraperProcess) { s.pause(t) }, want: streamed(domain.CauseIdleTimeout, 0).unsent().after(idle + grace)},
		"stopped before it is asked": {config: hurried, first: true, during: func(t *testing.T, s *scraperProcess) { s.pause(t) }, want: connecting(domain.CauseStartTimeout).unsent().after(time.Second + grace)},
		"stopped for less than its timeout, three times, then killed": {during: func(t *testing.T, s *scraperProcess) {
			for range 3 {
				s.pause(t)
				<-time.After(300 * time.Millisecond)
				s.signal(syscall.SIGCONT)
				<-time.After(50 * time.Millisecond)
			}
			s.signal(syscall.SIGKILL)
		}, want: streamed(domain.CauseTruncated, 0).unsent().after(1050 * time.Millisecond)},
	}
	var table sync.Map
	t.Run("inject", func(t *testing.T) {
		for name, f := range faults {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := startScraper(t, "127.0.0.1:0", (*exec.Cmd).Start)
				sc := scenario{url: s.url, config: f.config, during: onceHeard(func() { f.during(t, s) })}
				if f.first {
					f.during(t, s)
					sc.during = nil
				}
				c, _, took := sc.run(t)
				table.Store("process: "+name, f.want.row(c, took))
				f.want.anyEvents(c).check(t, c, 0, took)
			})
		}
	})
	t.Log("\n" + printTable(&table))
}
