//go:build unix

package scrape

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// exhaustedVariable makes this test binary a process without descriptors that
// follows one run; see followExhausted.
const exhaustedVariable = "SCRAPELOG_TEST_EXHAUSTED"

// followExhausted takes all descriptors of this process but spare, gives them back
// after the given time (0: never), follows a run and prints what is recorded.
func followExhausted(how string) int {
	var url string
	var spare int
	var back, patience time.Duration
	if _, err := fmt.Sscan(how, &url, &spare, &back, &patience); err != nil {
		panic(err)
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true} // as the shipped binary resolves
	warm()
	taken := takeDescriptors()
	for range spare {
		_ = taken[len(taken)-1].Close()
		taken = taken[:len(taken)-1]
	}
	if back > 0 {
		time.AfterFunc(back, func() {
			for _, f := range taken {
				_ = f.Close()
			}
		})
	}
	cfg := testConfig()
	cfg.URL, cfg.StartTimeout = url, domain.Duration(patience)
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	began := time.Now()
	o := follow(ctx, end, domain.Run{ID: uuid.New(), Scraper: "shop", Status: domain.StatusRunning}, cfg, func() {}, func(time.Time) {})
	fmt.Printf("%s\t%s\n", recordedAs(o.command()), time.Since(began))
	for _, f := range taken { // also keeps them from being closed before
		_ = f.Close()
	}
	return 0
}

func takeDescriptors() (taken []*os.File) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		panic(err)
	}
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return taken
		}
		taken = append(taken, f)
	}
}

// exhausted runs a process that has spare descriptors left.
func exhausted(t *testing.T, url string, spare int, back, patience time.Duration) (recorded []string, took time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %d", exhaustedVariable, url, spare, back, patience))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	recorded = strings.Split(strings.TrimSpace(string(out)), "\t")
	took, err = time.ParseDuration(recorded[len(recorded)-1])
	if err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return recorded, took
}

// The supervisor waits for missing descriptors, and their lack is never recorded as the
// scraper's fault.
func TestOurOwnExhaustionIsWaitedFor(t *testing.T) {
	answers := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(completed))
	})
	plain := httptest.NewServer(answers)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(answers)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{trusted.issue()}}
	secure.StartTLS()
	defer secure.Close()
	const patience = 400 * time.Millisecond
	for name, test := range map[string]struct {
		url            string
		spare          int
		back, patience time.Duration
		want           string
		least          time.Duration
	}{
		"none come back": {plain.URL, 0, 0, patience, "connection_failed instance_exhausted connecting", patience},
		"none come back, and a name is asked for": {"http://shop.invalid/", 0, 0, patience, "connection_failed instance_exhausted connecting", patience},
		"they come back":                         {plain.URL, 0, 200 * time.Millisecond, time.Minute, "completed", 200 * time.Millisecond},
		"one is left, for the connection":        {plain.URL, 1, 0, time.Minute, "completed", 0},
		"one is left, and none for certificates": {secure.URL, 1, 0, time.Minute, "completed", 0},
	} {
		t.Run(name, func(t *testing.T) {
			recorded, took := exhausted(t, test.url, test.spare, test.back, test.patience)
			if got := strings.Join(recorded, " "); !strings.HasPrefix(got, test.want) || took < test.least || took > test.least+soon {
				t.Errorf("%s after %s, want %s after %s", got, took, test.want, test.least)
			}
		})
	}
}
