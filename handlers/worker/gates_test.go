package worker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/gate"
)

// Each request is what a page in a browser, or a name that points here, can make.
func TestAForeignPageStartsNothing(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	cfg := commandConfig("touch", ran)
	cfg.Hosts = []string{"worker.example"}
	base, _ := serve(t, cfg)
	tests := map[string]struct {
		method, host string
		header       map[string]string
		want         int
	}{
		"a name that points here":             {"POST", "evil.example", nil, 403},
		"such a name with our port":           {"POST", "evil.example:" + base[strings.LastIndex(base, ":")+1:], nil, 403},
		"such a name asks with HEAD":          {"HEAD", "evil.example", nil, 403},
		"such a name reads":                   {"GET", "evil.example", nil, 403},
		"a foreign origin":                    {"POST", "", map[string]string{"Origin": "https://evil.example"}, 403},
		"no origin":                           {"POST", "", map[string]string{"Origin": "null"}, 403},
		"a cross-site request":                {"POST", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a same-site request":                 {"POST", "", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"text/plain needs no leave":           {"POST", "", map[string]string{"Content-Type": "text/plain"}, 415},
		"a form needs no leave":               {"POST", "", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, 415},
		"a body without a type":               {"POST", "", map[string]string{"Content-Type": ""}, 415},
		"an address that is not the dialled":  {"POST", "192.0.2.1", nil, 403},
		"a configured name may, if it is one": {"HEAD", "worker.example:9090", nil, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(t.Context(), tt.method, base+"/scrapes/job", strings.NewReader(`{"run_id":"r1"}`))
			req.Header.Set("Content-Type", "application/json")
			req.Host = tt.host
			for key, value := range tt.header {
				req.Header.Set(key, value)
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("answered %s, want %d", resp.Status, tt.want)
			}
		})
	}
	if _, err := os.Stat(ran); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the command ran: %v", err)
	}
}

func TestOtherMachinesReachAWorkerOnPurposeOnly(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:0": false, "[::1]:0": false, "localhost:0": false,
		"0.0.0.0:0": true, ":9090": true, "[::]:0": true, "192.0.2.7:9090": true, "worker.example:9090": true,
	} {
		cfg := commandConfig("true")
		cfg.Listen, cfg.Beat = address, DefaultConfig().Beat
		_, err := New(cfg, slog.New(slog.DiscardHandler))
		var field *domain.FieldError
		if (err != nil) != refused || refused && (!errors.As(err, &field) || !strings.Contains(field.Want, "--listen-without-secret")) {
			t.Errorf("%s: %v", address, err)
		}
		cfg.ListenWithoutSecret = true
		if _, err := New(cfg, slog.New(slog.DiscardHandler)); err != nil {
			t.Errorf("%s, on purpose: %v", address, err)
		}
	}
}

// A body that stops coming is answered, whether a handler wants it or not, and the
// connection does not stay.
func TestABodyThatDoesNotArriveIsAnswered408(t *testing.T) {
	base, _ := serve(t, commandConfig("true"))
	for name, head := range map[string]string{
		"of known length": "POST /scrapes/job HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"run_id\":",
		"in chunks":       "POST /scrapes/job HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"run",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(gate.BodyTimeout + patience))
			fmt.Fprint(conn, head)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
				t.Errorf("answered %s %s", resp.Status, body)
			}
		})
	}
}
