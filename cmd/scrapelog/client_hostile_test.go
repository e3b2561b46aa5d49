package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRedirectsAreNotFollowed: a start that one server was asked for is not
// repeated to another server, for any status; the message names that server.
func TestRedirectsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached the other server", r.Method, r.URL)
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, args := range []string{"runs start shop", "runs start shop --attach", "runs list", "scrapers pause shop", "runs watch " + runID} {
			f := fakeAPI(t)
			f.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, strings.Replace(other.URL, "//", "//u:CANARY@", 1)+"/there?token=CANARY#CANARY", status)
			})
			stdout, stderr, code := invoke(t, strings.Fields(args)...)
			if code != 4 || stdout != "" || !strings.Contains(stderr, " to "+other.URL+"/there, which is not followed") {
				t.Errorf("%s, %d: exit %d, %s%s", args, status, code, stdout, stderr)
			}
			if strings.Contains(stderr, "CANARY") {
				t.Errorf("%s, %d: %s", args, status, stderr)
			}
		}
	}
}

// TestAnswersAreBounded: of an answer that does not end 16 MB are read.
func TestAnswersAreBounded(t *testing.T) {
	for name, begin := range map[string]string{"a long text": `{"runs":[{"id":"`, "a long refusal": "", "blanks": ` `} {
		t.Run(name, func(t *testing.T) {
			f := fakeAPI(t)
			var sent int
			f.HandleFunc("GET /api/v1/runs", func(w http.ResponseWriter, _ *http.Request) {
				if begin == "" {
					w.WriteHeader(http.StatusConflict)
				}
				_, _ = io.WriteString(w, begin)
				block := strings.Repeat("a", 1<<20)
				if begin == " " {
					block = strings.Repeat(" ", 1<<20)
				}
				for range 64 {
					n, err := io.WriteString(w, block)
					if sent += n; err != nil {
						return
					}
				}
			})
			_, stderr, code := invoke(t, "runs", "list")
			if code != 4 || strings.Count(stderr, "\n") != 1 || begin != "" && !strings.Contains(stderr, "larger than 16 MB; ask for less with --limit") {
				t.Errorf("exit %d, %s", code, stderr)
			}
		})
	}
}

// TestServerURLs: what --server may be. No password in it is said again.
func TestServerURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"http://u:CANARY@127.0.0.1:1":       "cannot reach a server at http://127.0.0.1:1 (--server)",
		"http://u:CANARY@127.0.0.1:0":       "--server: port 0 is out of range; use 1 to 65535",
		"http://u:CANARY@127.0.0.1:99999":   "--server: port 99999 is out of range",
		"http://u:CANARY@h:x/":              "--server: cannot be parsed",
		"http://u:CAN%zzCANARY@h/":          "--server: cannot be parsed",
		"ftp://u:CANARY@h/":                 `--server: "ftp://h/" is not a server`,
		"u:CANARY@h":                        `--server: "…@h" is not a server`,
		"//u:CANARY@h/":                     `--server: "//h/" is not a server`,
		"http://127.0.0.1:1/?token=CANARY":  `--server: "http://127.0.0.1:1/" holds a query or fragment`,
		"http://127.0.0.1:1/#CANARY":        `--server: "http://127.0.0.1:1/" holds a query or fragment`,
		"http://u:CANARY@127.0.0.1:1/a?b=c": `--server: "http://127.0.0.1:1/a" holds a query or fragment`,
		"http://":                           `--server: "http:" is not a server`,
	} {
		_, stderr, code := invoke(t, "runs", "list", "--server", raw)
		if code != 2 && code != 4 || !strings.Contains(stderr, want) || strings.Contains(stderr, "CANARY") {
			t.Errorf("%s: exit %d, %s", raw, code, stderr)
		}
	}
}
