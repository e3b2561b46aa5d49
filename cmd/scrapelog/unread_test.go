package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore"
)

// soon is when a command must have ended after its reader has gone, on a machine
// that others use too.
const soon = 30 * time.Second

// TestFollowersEndWithTheirReader: a command that waits for news ends when what
// reads it has gone, before the next news, and says nothing.
func TestFollowersEndWithTheirReader(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "log.db")
	store, err := eventstore.Open(t.Context(), eventstore.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs/"+runID, 200, openRun)
	f.answer("POST /api/v1/scrapers/shop/runs", 201, openRun)
	f.HandleFunc("GET /api/v1/watch", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for _, args := range []string{
		"events tail -f --db " + database, "runs watch " + runID, "runs start shop --wait", "runs start shop --attach", "runs watch -o ndjson " + runID,
	} {
		for kind, pair := range map[string]func(*testing.T) (r, w *os.File){"pipe": pipe, "socket": socket} {
			t.Run(args[:10]+", "+kind, func(t *testing.T) {
				r, w := pair(t)
				ended := make(chan int, 1)
				var errs bytes.Buffer
				go func() {
					ended <- run(t.Context(), strings.Fields(args), strings.NewReader(""), w, &errs)
				}()
				if line, err := bufio.NewReader(r).ReadString('\n'); err != nil {
					t.Fatal(line, err)
				}
				if err := r.Close(); err != nil { // as head -1 does
					t.Fatal(err)
				}
				select {
				case code := <-ended:
					if code != 141 || errs.Len() > 0 {
						t.Errorf("exit %d, %s", code, errs.String())
					}
				case <-time.After(soon):
					t.Error("it goes on without a reader")
				}
			})
		}
	}
}

// TestWritesWithoutAReader: whichever write meets the closed output first, the command
// ends as if SIGPIPE had ended it.
func TestWritesWithoutAReader(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs", 200, `{"runs":[`+openRun+`]}`)
	f.answer("GET /api/v1/runs/"+runID, 200, openRun)
	for _, args := range []string{
		"runs list", "runs list -o json", "runs list -o ndjson", "runs list --jq .", "runs show " + runID, "runs watch " + runID, "version",
	} {
		for kind, pair := range map[string]func(*testing.T) (r, w *os.File){"pipe": pipe, "socket": socket} {
			r, w := pair(t)
			_ = r.Close()
			var errs bytes.Buffer
			if code := run(t.Context(), strings.Fields(args), strings.NewReader(""), w, &errs); code != 141 || errs.Len() > 0 {
				t.Errorf("%s, %s: exit %d, %s", args, kind, code, errs.String())
			}
		}
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return r, w
}

// socket is what ssh and some shells give a program for its output.
func socket(t *testing.T) (r, w *os.File) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	file := func(c net.Conn) *os.File {
		f, err := c.(*net.UnixConn).File()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	r, w = file(near), file(far)
	t.Cleanup(func() { _ = w.Close() })
	return r, w
}

// TestFollowersOutliveWhatIsNoReader: a file has no reader that could go.
func TestFollowersOutliveWhatIsNoReader(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs/"+runID, 200, openRun)
	end := make(chan struct{})
	f.HandleFunc("GET /api/v1/watch", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-end
		_, _ = w.Write([]byte("event: run\ndata: " + doneRun + "\n\n"))
	})
	for _, name := range []string{filepath.Join(t.TempDir(), "out"), os.DevNull} {
		w, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan int, 1)
		go func() {
			ended <- run(t.Context(), []string{"runs", "watch", runID}, strings.NewReader(""), w, os.Stderr)
		}()
		select {
		case code := <-ended:
			t.Fatalf("%s: exit %d before the run ended", name, code)
		case end <- struct{}{}:
		}
		if code := <-ended; code != 0 {
			t.Errorf("%s: exit %d", name, code)
		}
		_ = w.Close()
	}
}

// TestOutputThatCannotBeWritten: a full disk is said, in one line and by exit 4.
func TestOutputThatCannotBeWritten(t *testing.T) {
	f := fakeAPI(t)
	f.answer("GET /api/v1/runs", 200, `{"runs":[`+openRun+`]}`)
	for _, args := range []string{"runs list", "runs list -o json", "runs list -o ndjson", "runs list --jq .", "version"} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		code := run(t.Context(), strings.Fields(args), strings.NewReader(""), full, &errs)
		if code != 4 || !strings.Contains(errs.String(), "no space left on device") || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit %d, %s", args, code, errs.String())
		}
		_ = full.Close()
	}
}
