package gate_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/handlers/gate"
	"scrapelog/handlers/gate/gatetest"
)

// secured is a server over TLS whose certificate can be changed.
type secured struct {
	*testing.T
	authority *gatetest.Authority
	cert, key string
	addr      string
	again     chan os.Signal
	in        *gate.Certificate
	log       *logged
}

// logged is a log that may be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// secure serves with certificate 2, which ends at until.
func secure(t *testing.T, until time.Time, handler http.Handler) *secured {
	dir := t.TempDir()
	s := &secured{
		T: t, authority: gatetest.New(t), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"),
		again: make(chan os.Signal), log: &logged{},
	}
	s.authority.Issue(s.cert, s.key, 2, until)
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.in, err = gate.OpenCertificate(s.cert, s.key, logger); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	server := gate.NewServer(handler, logger)
	server.TLSConfig = s.in.Config()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	return s
}

// serial is the number of the certificate that a new connection sees.
func (s *secured) serial() int64 {
	s.Helper()
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: s.authority.Pool()})
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func (s *secured) await(what string, holds func() bool) {
	s.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("%s: never\n%s", what, s.log)
		}
	}
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

// TestACertificateChangesUnderLoad: clients connect and a stream is open all the while.
func TestACertificateChangesUnderLoad(t *testing.T) {
	release := make(chan struct{})
	s := secure(t, tomorrow(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_, _ = io.WriteString(w, "begun\n")
			w.(http.Flusher).Flush()
			<-release
		}
		_, _ = io.WriteString(w, "ended\n")
	}))
	get := func(path string) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool()}, DisableKeepAlives: true, ForceAttemptHTTP2: path == "/stream"}
		return (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get("https://" + s.addr + path)
	}
	stream, err := get("/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	if line, err := lines.ReadString('\n'); line != "begun\n" || stream.ProtoMajor != 2 {
		t.Fatalf("%q over %s: %v", line, stream.Proto, err)
	}
	stop, failures := make(chan struct{}), make(chan error, 4)
	var clients sync.WaitGroup
	for range cap(failures) {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := get("/")
				if err != nil {
					failures <- err
					return
				}
				res.Body.Close()
			}
		})
	}
	go s.in.Follow(t.Context(), s.again)
	s.authority.Issue(s.cert, s.key, 3, tomorrow())
	s.await("the changed files are noticed", func() bool { return s.serial() == 3 })
	s.authority.Issue(s.cert, s.key, 4, tomorrow())
	s.again <- os.Interrupt // stands for SIGHUP
	s.await("the signal is obeyed", func() bool { return s.serial() == 4 })
	close(stop)
	clients.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("a client failed: %v", err)
	}
	close(release)
	if line, err := lines.ReadString('\n'); line != "ended\n" {
		t.Errorf("the stream ended with %q, %v", line, err)
	}
	if strings.Contains(s.log.String(), "level=WARN msg=\"the changed certificate") {
		t.Errorf("it warned of a good certificate:\n%s", s.log)
	}
}

// TestABadCertificateLeavesTheOneBefore changes the files in each wrong way.
func TestABadCertificateLeavesTheOneBefore(t *testing.T) {
	s := secure(t, time.Now().Add(30*24*time.Hour), http.NotFoundHandler())
	other := gatetest.New(t)
	put := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		change func()
		want   string
	}{
		"the key of another certificate": {func() { other.Issue(filepath.Join(t.TempDir(), "cert"), s.key, 9, tomorrow()) }, "private key does not match public key"},
		"no certificate":                 {func() { put(s.cert, "hello") }, "failed to find any PEM data"},
		"an empty file":                  {func() { put(s.key, "") }, "failed to find any PEM data"},
		"a file that is gone":            {func() { _ = os.Remove(s.cert) }, "no such file"},
		"an expired one":                 {func() { s.authority.Issue(s.cert, s.key, 9, time.Now().Add(-time.Hour)) }, "it expired at "},
	} {
		for _, asked := range []bool{true, false} {
			tt.change()
			s.in.Look(asked)
			if said := s.log.String(); !asked && said != "" {
				t.Errorf("%s: at the first look it warned of files that may be half written: %s", name, said)
			}
			s.in.Look(false)
			s.in.Look(false)
			if warnings := strings.Join(s.in.Warnings(), "\n"); !strings.Contains(warnings, tt.want) {
				t.Errorf("%s: warnings are %q", name, warnings)
			}
			if serial := s.serial(); serial != 2 {
				t.Errorf("%s: certificate %d is in use, want the one before", name, serial)
			}
			if said := strings.Count(s.log.String(), tt.want); said != 1 {
				t.Errorf("%s: warned %d times", name, said)
			}
			s.authority.Issue(s.cert, s.key, 2, time.Now().Add(30*24*time.Hour))
			s.in.Look(false)
			if warnings := s.in.Warnings(); len(warnings) > 0 {
				t.Errorf("%s: it is well again, and warns: %q", name, warnings)
			}
			s.log.text.Reset()
		}
	}
}

// TestACertificateThatEndsIsWarnedOf: it is used all the same, and anything newer replaces
// it.
func TestACertificateThatEndsIsWarnedOf(t *testing.T) {
	s := secure(t, time.Now().Add(-time.Hour), http.NotFoundHandler())
	if warnings := s.in.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "expired at ") {
		t.Errorf("warnings: %q", warnings)
	}
	if said := strings.Count(s.log.String(), "level=WARN msg=\"the certificate (tls.cert) expired at"); said != 1 {
		t.Errorf("warned %d times:\n%s", said, s.log)
	}
	_, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: s.authority.Pool(), ServerName: "localhost"})
	if err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a client sees %v", err)
	}
	s.authority.Issue(s.cert, s.key, 3, tomorrow())
	s.in.Look(true)
	if warnings := s.in.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], "expires at ") {
		t.Errorf("warnings: %q", warnings)
	}
	if serial := s.serial(); serial != 3 {
		t.Errorf("certificate %d is in use", serial)
	}
}

// TestAPairThatCannotBeReadIsNamed at the start.
func TestAPairThatCannotBeReadIsNamed(t *testing.T) {
	a, dir := gatetest.New(t), t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.Issue(cert, key, 2, tomorrow())
	for _, pair := range [][2]string{{cert, filepath.Join(dir, "none.pem")}, {filepath.Join(dir, "none.pem"), key}, {dir, key}, {cert, a.File}} {
		if _, err := gate.OpenCertificate(pair[0], pair[1], slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	s := secure(t, tomorrow(), http.NotFoundHandler())
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: s.authority.Pool(), MinVersion: version, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
