package scrape

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

const (
	streamHeader  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	chunkedHeader = streamHeader + "Transfer-Encoding: chunked\r\n\r\n"
	progress      = "event: progress\ndata: {\"n\":1}\n\n"
	completed     = "event: completed\ndata: {\"items\":7}\n\n"
)

// chunk frames a piece of a chunked body.
func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// peer is a scraper at the level of its socket: one connection, in the hands of
// the test.
type peer struct {
	*net.TCPConn
	alive <-chan time.Time // signs of life as the follower saw them
	gone  <-chan struct{}  // closed when the follower has returned
	asked func()           // notes that a POST was read
}

// request reads the POST, all of it: what is left unread would turn a close into
// a reset.
func (p *peer) request() *http.Request {
	req, err := http.ReadRequest(bufio.NewReader(p))
	if err != nil {
		return nil
	}
	_, _ = io.Copy(io.Discard, req.Body)
	p.asked()
	return req
}

func (p *peer) say(s string) { _, _ = io.WriteString(p, s) }

// heard waits until the follower has seen n signs of life, so that a reset
// cannot overtake what was sent before it.
func (p *peer) heard(n int) {
	for range n {
		select {
		case <-p.alive:
		case <-p.gone:
		}
	}
}

// reset closes with RST.
func (p *peer) reset() {
	_ = p.SetLinger(0)
	_ = p.Close()
}

// hang holds the connection until the follower has left it.
func (p *peer) hang() { <-p.gone }

// scenario is one exchange: what the scraper does, and how it is asked.
type scenario struct {
	url     string            // where no peer answers; otherwise the peer's
	scheme  string            // "https" to be asked so; default "http"
	peer    func(*peer)       // nil: nobody answers at url
	tls     *tls.Config       // the peer speaks TLS: only then is secure called
	secure  func(c *tls.Conn) // what it does after the handshake
	trigger domain.Trigger
	config  func(*domain.ScraperConfig)
	during  func(end context.CancelCauseFunc, alive <-chan time.Time) // what happens to the follower meanwhile
}

// secretQuery must appear nowhere in what is recorded.
const secretQuery = "key=canary-in-the-query"

// run plays a scenario and returns what is to be recorded, how often the run was
// POSTed, and how long it took.
func (sc scenario) run(t testing.TB) (c domain.RunCommand, posts int64, took time.Duration) {
	t.Helper()
	alive, gone := make(chan time.Time, 1<<16), make(chan struct{})
	var asked atomic.Int64
	cfg := testConfig()
	cfg.URL = sc.url
	if sc.peer != nil || sc.secure != nil {
		cfg.URL = sc.listen(t, alive, gone, &asked)
	}
	cfg.URL += "?" + secretQuery
	if sc.config != nil {
		sc.config(&cfg.ScraperConfig)
	}
	run := domain.Run{ID: uuid.Must(uuid.NewV7()), Scraper: cfg.Name, Status: domain.StatusRunning, Trigger: sc.trigger}
	if sc.trigger == domain.TriggerRecovery {
		run.Recovers = uuid.Must(uuid.NewV7())
	}
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	if sc.during != nil {
		go sc.during(end, alive)
	}
	began := time.Now()
	o := follow(ctx, end, run, cfg, func() {}, func(at time.Time) {
		select {
		case alive <- at:
		default: // nobody waits for that many
		}
	})
	took = time.Since(began)
	close(gone)
	return o.command(), asked.Load(), took
}

// listen opens a port whose connections the scenario's peer gets. They are
// closed once both sides are through.
func (sc scenario) listen(t testing.TB, alive <-chan time.Time, gone <-chan struct{}, asked *atomic.Int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10) // so that a request can be too large to be sent unread
			go sc.serve(&peer{conn.(*net.TCPConn), alive, gone, func() { asked.Add(1) }})
		}
	}()
	scheme := sc.scheme
	if scheme == "" {
		scheme = "http"
	}
	return scheme + "://" + l.Addr().String() + "/scrapes/shop"
}

func (sc scenario) serve(p *peer) {
	defer p.Close()
	if sc.tls == nil {
		sc.peer(p)
		return
	}
	conn := tls.Server(p.TCPConn, sc.tls)
	if conn.Handshake() == nil && sc.secure != nil {
		sc.secure(conn)
	}
	<-p.gone
}

// testConfig has no bound that a busy machine could pass: hurried and idling set one.
func testConfig() dial.Target {
	cfg := dial.Target{ScraperConfig: domain.DefaultScraperConfig()}
	cfg.Name = "shop"
	cfg.StartTimeout = domain.Duration(time.Minute)
	cfg.IdleTimeout = domain.Duration(time.Minute)
	cfg.MaxDuration = domain.Duration(2 * time.Minute)
	return cfg
}
