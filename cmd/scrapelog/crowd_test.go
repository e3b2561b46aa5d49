package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// crowdVariable makes this test binary play the crowd instead of testing: the
// memory of ten thousand scrapers must not be mixed up with the server's.
const crowdVariable = "SCRAPELOG_TEST_CROWD"

const (
	beat = 5 * time.Second // that every scraper of the crowd announces and keeps
	// houses is over how many addresses the crowd is spread: one address has too
	// few ports for connections that open, close and open again.
	houses = 16
	// rows is in how many parts a round of beats is sent.
	rows = 100
)

// crowd is scrapers without number in a process of their own, one per path.
type crowd struct {
	down  atomic.Bool
	mu    sync.Mutex
	conns map[string]net.Conn // by path
	quiet []net.Conn          // open, and silent for good
	posts map[string]int      // by run id
}

// crowdState is what the crowd reports to the test that conducts it.
type crowdState struct {
	Open, Runs, PostedTwice int
}

// serveCrowd prints the addresses of the crowd, the conductor's first, and goes
// on until its standard input ends: with the process that started it.
func serveCrowd() int {
	c := &crowd{conns: map[string]net.Conn{}, posts: map[string]int{}}
	var addresses []string
	for i := range houses + 1 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		addresses = append(addresses, listener.Addr().String())
		var handler http.Handler = c
		if i == 0 {
			handler = http.HandlerFunc(c.conducted)
		}
		go func() { _ = http.Serve(listener, handler) }()
	}
	_ = json.NewEncoder(os.Stdout).Encode(addresses)
	go c.beat()
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// ServeHTTP answers probes, and holds open what a POST opens.
func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method != http.MethodPost {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Scrape-Beat: 5s\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.conns[r.URL.Path]; before != nil {
		_ = before.Close()
	}
	c.conns[r.URL.Path] = conn
	c.posts[r.Header.Get("X-Scrapelog-Run-Id")]++
}

// conducted does what the path says, and answers how the crowd stands.
func (c *crowd) conducted(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.URL.Path {
	case "/cut":
		c.down.Store(true)
		for _, conn := range c.conns {
			_ = conn.Close()
		}
		clear(c.conns)
	case "/return":
		c.down.Store(false)
	case "/silence":
		for path, conn := range c.conns {
			if len(c.quiet) == silenced {
				break
			}
			c.quiet = append(c.quiet, conn)
			delete(c.conns, path)
		}
	}
	state := crowdState{Open: len(c.conns), Runs: len(c.posts)}
	for _, posts := range c.posts {
		if posts != 1 {
			state.PostedTwice++
		}
	}
	_ = json.NewEncoder(w).Encode(state)
}

// beat writes a beat to every stream that has not fallen silent, spread over the interval.
func (c *crowd) beat() {
	row := map[string]int{}
	turn := 0
	for range time.Tick(beat / rows) {
		turn = (turn + 1) % rows
		c.mu.Lock()
		var conns []net.Conn
		for path, conn := range c.conns {
			if _, seated := row[path]; !seated {
				row[path] = len(row) % rows
			}
			if row[path] == turn {
				conns = append(conns, conn)
			}
		}
		c.mu.Unlock()
		for _, conn := range conns {
			_, _ = io.WriteString(conn, "d\r\nevent: beat\n\n\r\n")
		}
	}
}
