package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"scrapelog/cmd/crashcheck/check"
	"scrapelog/eventstore"
)

const (
	lifeHeader   = "X-Life"          // which process asks
	lifeVariable = "CRASHCHECK_LIFE" // where the process has it from
	idleTimeout  = 400 * time.Millisecond
	failure      = "out of stock" // what a failing scraper says
)

// scraper is a fake one on a socket of its own.
type scraper struct {
	name   string
	record *record
	cancel func(uuid.UUID) // cancels a run through the API
	calm   *atomic.Bool

	address string

	mu       sync.Mutex
	rng      *rand.Rand
	listener net.Listener
	streams  map[*stream]struct{}
}

func newScraper(name string, rng *rand.Rand, r *record, calm *atomic.Bool, cancel func(uuid.UUID)) (*scraper, error) {
	s := &scraper{name: name, record: r, cancel: cancel, calm: calm, rng: rng, streams: map[*stream]struct{}{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.address = listener.Addr().String()
	r.locked(func(seen *check.Seen) { seen.Scrapers[name] = check.Scraper{Idle: idleTimeout} })
	s.accept(listener)
	return s, nil
}

func (s *scraper) accept(listener net.Listener) {
	s.mu.Lock()
	s.listener = listener
	s.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn.(*net.TCPConn))
		}
	}()
}

// flap goes away and comes back until ctx ends.
func (s *scraper) flap(ctx context.Context) {
	for {
		up, away := s.random(3000), s.random(200)
		if !eventstore.Pause(ctx, 300*time.Millisecond+up) {
			return
		}
		s.record.wentDown(s.name)
		s.goDown()
		eventstore.Pause(ctx, 10*time.Millisecond+away)
		s.comeUp()
		s.record.cameUp(s.name)
	}
}

func (s *scraper) goDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for open := range s.streams {
		open.reset()
	}
}

// comeUp listens at the same address again, which an outgoing connection may
// have taken meanwhile.
func (s *scraper) comeUp() {
	for {
		listener, err := net.Listen("tcp", s.address)
		if err == nil {
			s.accept(listener)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *scraper) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
}

func (s *scraper) random(milliseconds int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.rng.IntN(milliseconds)) * time.Millisecond
}

func (s *scraper) script() script {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm.Load() {
		return calmScript
	}
	return randomScript(s.rng)
}

// serve answers one request and hangs up.
func (s *scraper) serve(conn *net.TCPConn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if req.Method != http.MethodPost {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		s.record.signal()
		return
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return
	}
	run, runErr := uuid.Parse(req.Header.Get("X-Scrapelog-Run-Id"))
	life, lifeErr := strconv.Atoi(req.Header.Get(lifeHeader))
	if err := errors.Join(runErr, lifeErr); err != nil {
		s.record.violated("a POST says which run it is for", fmt.Sprintf("%s: %v", s.name, err))
		return
	}
	post := s.record.posted(check.Post{Run: run, Scraper: s.name, Life: life, At: time.Now()})
	open := &stream{conn: conn, record: s.record, post: post, left: make(chan struct{})}
	s.hold(open)
	defer s.drop(open)
	go open.watch(in)
	open.play(s.script(), func() { s.cancel(run) })
}

func (s *scraper) hold(open *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[open] = struct{}{}
}

func (s *scraper) drop(open *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, open)
}
