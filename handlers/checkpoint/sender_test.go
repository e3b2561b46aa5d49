package checkpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/sign"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// sealed is a log whose checkpoints are sent.
type sealed struct {
	*Sender
	t     *testing.T
	store *eventstore.Store
	seal  *proof.Sealer
	files proof.Files
	log   lines
	stop  func()
}

func send(t *testing.T, c Config) *sealed {
	t.Helper()
	s := &sealed{t: t, store: eventstoretest.SQLite(t).Open(t), files: proof.Files{Key: filepath.Join(t.TempDir(), "state", "audit.key")}}
	s.Sender = &Sender{
		Config: c, Log: s.store, Rules: func() egress.Rules { return egress.Rules{} }, Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
		Client: &http.Client{Transport: only2xx{http.DefaultTransport}},
	}
	var err error
	if s.seal, err = proof.Open(t.Context(), proof.Config{Store: s.store, Files: s.files, Signed: s.Signed}); err != nil {
		t.Fatal(err)
	}
	s.event()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	s.stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(s.stop)
	return s
}

// event appends an event and signs it.
func (s *sealed) event() {
	s.t.Helper()
	eventstoretest.MustAppend(s.t, s.store, eventstoretest.AppendOf(0, eventstoretest.Started(uuid.New())))
	if err := s.seal.Seal(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// only2xx makes an error of every other answer, as the client of the notices does.
type only2xx struct{ http.RoundTripper }

func (o only2xx) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := o.RoundTripper.RoundTrip(r)
	if err == nil && answer.StatusCode/100 != 2 {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("answered %d", answer.StatusCode)
	}
	return answer, err
}

// check holds the JSON of a checkpoint against the key of the log.
func (s *sealed) check(text []byte, size int64) {
	s.t.Helper()
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	key, err := proof.ReadKey(s.files.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	opened, err := note.Open([]byte(m.Checkpoint), note.VerifierList(key.Verifier))
	if err != nil || m.Size != size || !strings.HasPrefix(opened.Text, fmt.Sprintf("%s\n%d\n%s\n", m.Origin, size, m.Root)) {
		s.t.Fatalf("%v: %+v, want one of %d events", err, m, size)
	}
}

var rfc5424 = regexp.MustCompile(`^<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ scrapelog \d+ checkpoint - (\{.*\})$`)

func (s *sealed) syslogLine(line string, size int64) {
	s.t.Helper()
	found := rfc5424.FindStringSubmatch(line)
	if found == nil {
		s.t.Fatalf("not a message of RFC 5424: %s", line)
	}
	s.check([]byte(found[1]), size)
}

func TestCheckpointsGoToSyslogByDatagrams(t *testing.T) {
	folder, err := os.MkdirTemp("", "log") // a short path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for name, where := range map[string]string{"udp": "127.0.0.1:0", "unixgram": filepath.Join(folder, "dev")} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.ListenPacket(name, where)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(eventstoretest.Patience))
			s := send(t, Config{Syslog: strings.TrimSuffix(name, "gram") + "://" + conn.LocalAddr().String()})
			datagram := make([]byte, 64<<10)
			for size := range int64(3) {
				n, _, err := conn.ReadFrom(datagram)
				if err != nil {
					t.Fatal(err)
				}
				s.syslogLine(string(datagram[:n]), size+1)
				s.event()
			}
		})
	}
}

// receive reads a message with its frame to the end of the connection.
func receive(t *testing.T, l net.Listener) string {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	var length int
	head, line, _ := strings.Cut(string(text), " ")
	if _, err := fmt.Sscan(head, &length); err != nil || length != len(line) {
		t.Fatalf("the frame of %s is wrong", text)
	}
	return line
}

// TestCheckpointsWaitForSyslog keeps the server away. The newest is sent when it is back,
// and the last one while the process stops.
func TestCheckpointsWaitForSyslog(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	s := send(t, Config{Syslog: "tcp://" + address})
	eventstoretest.Await(t, func() bool { return len(s.Warnings()) == 1 })
	if warned := s.Warnings()[0]; !strings.HasPrefix(warned, "the syslog of audit.forward takes no checkpoints: ") || !strings.Contains(warned, "refused") {
		t.Error(warned)
	}
	s.event()
	s.event()
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.syslogLine(receive(t, l), 3)
	eventstoretest.Await(t, func() bool { return len(s.Warnings()) == 0 })
	s.event()
	s.syslogLine(receive(t, l), 4)
	if n := strings.Count(s.log.String(), "level=WARN"); n != 1 || !strings.Contains(s.log.String(), "sent away again") {
		t.Errorf("%d warnings in\n%s", n, s.log.String())
	}

	conn, err := net.Dial("tcp", address) // one that resets instead of reading
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	s.event()
	cut, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = cut.(*net.TCPConn).SetLinger(0)
	_ = cut.Close()
	got := make(chan string, 1)
	go func() { got <- receive(t, l) }()
	s.stop()
	select {
	case line := <-got:
		s.syslogLine(line, 5)
	case <-time.After(eventstoretest.Patience):
		t.Fatal("the last checkpoint was not sent")
	}
}

// TestSyslogOverTLS has a server that this process trusts, and the same one unknown to it.
func TestSyslogOverTLS(t *testing.T) {
	known := httptest.NewTLSServer(nil)
	defer known.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", known.TLS)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	local := egress.Dialer{Rules: func() egress.Rules { return egress.Rules{} }}
	s := syslog{network: "tls", address: l.Addr().String(), dialer: local}
	got := make(chan string, 1)
	go func() {
		if conn, err := l.Accept(); err == nil { // the unknown one: its handshake fails
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
		got <- receive(t, l)
	}()
	if err := s.send(t.Context(), message{}); !errors.As(err, &x509.UnknownAuthorityError{}) {
		t.Errorf("a server that is not trusted: %v", err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(known.Certificate())
	if err := s.send(t.Context(), message{}); err != nil {
		t.Error(err)
	}
	if line := <-got; !strings.HasPrefix(line, "<110>1 ") {
		t.Errorf("it got %q", line)
	}
}

func TestCheckpointsGoToAWebhook(t *testing.T) {
	t.Setenv("TEST_AUDIT_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	verifier := &sign.Verifier{Variable: "TEST_AUDIT_SECRET"}
	bodies, ids := make(chan []byte, 10), make(chan string, 10)
	tries := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ids <- r.Header.Get("webhook-id")
		if tries++; tries == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if err := verifier.Verify(r.Header, body); err != nil {
			t.Error(err)
		}
		bodies <- body
	}))
	defer hook.Close()
	t.Setenv("TEST_AUDIT_HOOK", hook.URL)
	s := send(t, Config{WebhookEnv: "TEST_AUDIT_HOOK", SecretEnv: "TEST_AUDIT_SECRET"})
	var body struct {
		Type      string
		Timestamp time.Time
		Data      json.RawMessage
	}
	for size := range int64(2) {
		if err := json.Unmarshal(<-bodies, &body); err != nil || body.Type != "checkpoint" || body.Timestamp.IsZero() {
			t.Fatal(err, body)
		}
		s.check(body.Data, size+1)
		s.event()
	}
	if first, again, next := <-ids, <-ids, <-ids; first != again || next == first {
		t.Errorf("ids are %s, %s and %s", first, again, next)
	}
}

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		c     Config
		field string
	}{
		"none":               {Config{}, ""},
		"all":                {Config{Syslog: "udp://log.example.com", WebhookEnv: "A", SecretEnv: "B"}, ""},
		"a socket":           {Config{Syslog: "unix:///dev/log"}, ""},
		"over TLS":           {Config{Syslog: "tls://log.example.com"}, ""},
		"no scheme":          {Config{Syslog: "log.example.com:514"}, "audit.forward.syslog"},
		"another":            {Config{Syslog: "https://log.example.com"}, "audit.forward.syslog"},
		"no host":            {Config{Syslog: "tcp://"}, "audit.forward.syslog"},
		"a relative socket":  {Config{Syslog: "unix://dev/log"}, "audit.forward.syslog"},
		"a secret alone":     {Config{SecretEnv: "B"}, "audit.forward.secret_env"},
		"a URL for its name": {Config{WebhookEnv: "https://hooks.example.com"}, "audit.forward.webhook_env"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.c.Validate()
			var wrong *domain.FieldError
			if test.field == "" && err != nil || test.field != "" && (!errors.As(err, &wrong) || wrong.Field != test.field) {
				t.Errorf("got %v, want %s", err, test.field)
			}
		})
	}
	if err := (Config{WebhookEnv: "TEST_AUDIT_NONE"}).Check(); err == nil || !strings.Contains(err.Error(), "TEST_AUDIT_NONE is not set") {
		t.Error(err)
	}
}

// lines is what a logger has written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
