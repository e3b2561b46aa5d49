package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// cuttable is a scraper that streams until it is cut, and whose return is at our
// command.
type cuttable struct {
	*httptest.Server
	down  atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
	open  chan struct{} // a token for each stream that has begun
}

func newCuttable(b *testing.B) *cuttable {
	c := &cuttable{open: make(chan struct{}, 16)}
	c.Server = httptest.NewServer(c)
	b.Cleanup(func() { c.cut(false); c.Close() })
	return c
}

func (c *cuttable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nevent: progress\n\r\n")
	_ = buf.Flush()
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	c.open <- struct{}{}
}

// cut ends every stream, by FIN or by RST, and says when.
func (c *cuttable) cut(reset bool) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now()
	for _, conn := range c.conns {
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
	c.conns = nil
	return at
}

// BenchmarkLossAndReturn measures, with a real server process, the time from a
// cut to ConnectionLost in the log, beside what a bare reader needs to notice;
// and from the scraper's return to RunStarted in the log, by probe and by announce.
func BenchmarkLossAndReturn(b *testing.B) {
	for name, database := range map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres} {
		for _, announce := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/announce=%v", name, announce), func(b *testing.B) { lossAndReturn(b, database(b).URL, announce) })
		}
	}
}

// lossAndReturn cuts one of several scrapers after the other: a run that is lost within
// its first second is held down.
func lossAndReturn(b *testing.B, database string, announce bool) {
	listen := gatetest.FreeAddress(b)
	a := api{b, "http://" + listen}
	start(b, "serve", "--db", database, "--listen", listen)
	a.ready()
	tail := a.tail()
	scrapers := make([]*cuttable, 8)
	for i := range scrapers {
		scrapers[i] = newCuttable(b)
		config := fmt.Sprintf(`{"url":%q,"recovery":{"hold_down":"1s"}}`, scrapers[i].URL+"/")
		if code := a.do("PUT", fmt.Sprintf("/api/v1/scrapers/shop-%d", i), config, nil); code != http.StatusCreated {
			b.Fatalf("configuring: %d", code)
		}
		a.startRun(fmt.Sprintf("shop-%d", i))
		<-scrapers[i].open
		tail.await("run.started")
	}
	returns := 12
	if announce { // which takes milliseconds, and not a second
		returns = 100
	}
	var bare, lost, back []time.Duration
	for i := range returns {
		<-time.After(1100 * time.Millisecond / time.Duration(len(scrapers)))
		scraper := scrapers[i%len(scrapers)]
		bare = append(bare, bareReader(b, scraper, i%2 == 0))
		scraper.down.Store(true)
		cut := scraper.cut(i%2 == 0)
		lost = append(lost, tail.await("run.connection_lost").RecordedAt.Sub(cut))
		scraper.down.Store(false)
		returned := time.Now()
		if announce {
			a.do("POST", "/api/v1/announce", fmt.Sprintf(`{"scrapers":["shop-%d"]}`, i%len(scrapers)), nil)
		}
		back = append(back, tail.await("run.started").RecordedAt.Sub(returned))
		<-scraper.open
	}
	report(b, "bare", bare)
	report(b, "lost", lost)
	report(b, "back", back)
	for i := range lost { // both are in order now
		lost[i] -= bare[i]
	}
	report(b, "lost-over-bare", lost)
	b.ReportMetric(0, "ns/op")
}

// bareReader is how long a client that does nothing else needs to see a cut.
func bareReader(b *testing.B, scraper *cuttable, reset bool) time.Duration {
	conn, err := net.Dial("tcp", strings.TrimPrefix(scraper.URL, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /bare HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	<-scraper.open
	seen := make(chan time.Time, 1)
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		seen <- time.Now()
	}()
	scraper.mu.Lock()
	own := scraper.conns[len(scraper.conns)-1]
	scraper.conns = scraper.conns[:len(scraper.conns)-1]
	scraper.mu.Unlock()
	if tcp, ok := own.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	cut := time.Now()
	own.Close()
	return (<-seen).Sub(cut)
}

func report(b *testing.B, what string, all []time.Duration) {
	slices.Sort(all)
	for name, at := range map[string]int{"p50": len(all) / 2, "p95": len(all) * 95 / 100, "p99": len(all) * 99 / 100} {
		b.ReportMetric(float64(all[at].Microseconds())/1000, what+"-"+name+"-ms")
	}
}

// tailed is the log's tail.
type tailed struct {
	tb     testing.TB
	events chan event
}

// tail follows the log from now on.
func (a api) tail() *tailed {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/api/v1/events/stream", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	t := &tailed{a.t, make(chan event, 1024)}
	go func() {
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var e event
			if ok && json.Unmarshal([]byte(data), &e) == nil && e.Type != "" {
				t.events <- e
			}
		}
	}()
	return t
}

// await is the next event of a type.
func (t *tailed) await(kind string) event {
	t.tb.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-t.events:
			if e.Type == kind {
				return e
			}
		case <-deadline:
			t.tb.Fatalf("no %s", kind)
		}
	}
}
