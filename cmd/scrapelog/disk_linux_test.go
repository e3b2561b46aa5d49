package main_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scrapelog/handlers/gate/gatetest"
)

// TestServeOnAFullDisk: a run that ends while the disk is full is kept, people
// are told what to do, and once they have done it everything goes on by itself.
func TestServeOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	mounted := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m") == nil
	if mounted {
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	}
	finish := make(chan string)
	scraper := waitingScraper(t, finish)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(`scrapers:
  - {name: one, url: %q}
  - {name: two, url: %[1]q}
`, scraper.URL))
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	p := start(t, "serve", "--config", config, "--listen", listen, "--db", "sqlite:"+filepath.Join(dir, "full.db"))
	a.ready()
	r := a.startRun("one")
	finish <- "" // it has begun

	free := fill(t, p, dir, mounted)
	ended := time.Now()
	finish <- "event: completed\ndata: {\"items\":7}\n\n"
	advice := map[bool]string{true: "make room on its disk", false: "a limit is reached"}[mounted]
	var unready string
	await(t, time.Minute, "/readyz says what to do", func() bool {
		unready = a.said("/readyz")
		return strings.Contains(unready, "1 ended runs wait to be recorded") && strings.Contains(unready, advice)
	})
	t.Log(unready)
	await(t, time.Minute, "so does the log", func() bool {
		return strings.Contains(p.out.String(), "end of a run not recorded") && strings.Contains(p.out.String(), advice)
	})
	if code := a.do("POST", "/api/v1/scrapers/two/runs", "", nil); code != 503 {
		t.Errorf("a run that cannot be recorded is answered by %d, want 503", code)
	}
	if r = a.run(r.ID); r.Status != "running" {
		t.Errorf("it is shown as %s", r.Status)
	}

	free()
	r = a.ended(r.ID, time.Minute)
	if r.Status != "completed" || r.Items == nil || *r.Items != 7 {
		t.Errorf("it ended as %+v", r)
	}
	t.Logf("ended %v after it was told to, and recorded when there was room", r.EndedAt.Sub(ended).Round(time.Millisecond))
	await(t, time.Minute, "it is ready again", func() bool { return a.do("GET", "/readyz", "", nil) == 200 })
	a.startRun("two")
}

// fill leaves no room for the database; what it returns makes room again. Without
// a disk of its own the process may let no file grow.
func fill(t *testing.T, p *process, dir string, mounted bool) (free func()) {
	t.Helper()
	if !mounted {
		limit := func(size uint64) {
			if err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: math.MaxUint64}, nil); err != nil {
				t.Fatal(err)
			}
		}
		limit(1)
		return func() { limit(math.MaxUint64) }
	}
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// waitingScraper streams what it is told to, one text after the other.
func waitingScraper(t *testing.T, say <-chan string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Method == http.MethodPost {
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case text := <-say:
				_, _ = io.WriteString(w, text)
				if text != "" {
					return
				}
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// said returns the body of an answer of any status.
func (a api) said(path string) string {
	a.t.Helper()
	res, err := http.Get(a.base + path)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return string(body)
}
