package scrape

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/domain"
)

// nginx is a real one, of this test alone, in front of a scraper.
type nginx struct {
	url string
	cmd *exec.Cmd
	log string // the path of its error log
	end func() error
}

// program is where nginx is; Debian does not put it on everybody's path.
func program(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skipf("needs %s; make test runs it", name)
	}
	for _, path := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Fatalf("these tests need %s", name)
	return ""
}

// startNginx passes everything to upstream, with these settings of the location.
func startNginx(t testing.TB, upstream, settings string) *nginx {
	t.Helper()
	dir, listen := t.TempDir(), closedPort(t)
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log; %[5]s
events { worker_connections 64; }
http {
	access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; location / { proxy_pass http://%[3]s; %[4]s } }
}
`, dir, listen, upstream, settings, asRoot())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &nginx{url: "http://" + listen + "/scrapes/shop", cmd: exec.Command(program(t, "nginx"), "-c", config, "-p", dir, "-e", dir+"/error.log"), log: dir + "/error.log"}
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its workers are killed with it
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.end = sync.OnceValue(n.cmd.Wait)
	t.Cleanup(func() {
		n.kill(syscall.SIGKILL)
		_ = n.end()
		if t.Failed() {
			t.Logf("nginx logged:\n%s", n.logged(t))
		}
	})
	listening(t, listen)
	return n
}

// asRoot keeps nginx from working as another user, who could not read the folder.
func asRoot() string {
	if os.Geteuid() == 0 {
		return "user root;"
	}
	return ""
}

func listening(t testing.TB, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody listens at %s: %v", address, err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (n *nginx) logged(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(n.log)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func (n *nginx) signal(s syscall.Signal) { _ = n.cmd.Process.Signal(s) }
func (n *nginx) kill(s syscall.Signal)   { _ = syscall.Kill(-n.cmd.Process.Pid, s) }

// upstream is a scraper on a plain socket: it answers a POST, and then does what
// the test says. end hangs up every connection, with a reset.
func upstream(t testing.TB, answer string, then func(conn *net.TCPConn)) (address string, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []*net.TCPConn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn.(*net.TCPConn))
			mu.Unlock()
			go func() {
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(conn, answer)
				then(conn.(*net.TCPConn))
			}()
		}
	}()
	end = func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range conns {
			_ = conn.SetLinger(0)
			_ = conn.Close()
		}
	}
	t.Cleanup(end)
	return l.Addr().String(), end
}

// proxied is a scraper behind nginx and what happens there once its first event
// was heard.
type proxied struct {
	settings  string // of nginx
	answer    string
	then      func(*net.TCPConn)
	meanwhile func(n *nginx, killUpstream func())
	config    func(*domain.ScraperConfig)
	want      want
}

func (p proxied) run(t *testing.T) (domain.RunCommand, time.Duration) {
	then := p.then
	if then == nil {
		then = func(*net.TCPConn) {}
	}
	address, kill := upstream(t, p.answer, then)
	n := startNginx(t, address, p.settings)
	sc := scenario{url: n.url, config: p.config}
	if p.meanwhile != nil {
		sc.during = func(_ context.CancelCauseFunc, alive <-chan time.Time) {
			<-alive // the header
			<-alive // an event
			p.meanwhile(n, kill)
		}
	}
	c, _, took := sc.run(t)
	return c, took
}
