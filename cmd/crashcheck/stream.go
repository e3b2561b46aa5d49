package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"scrapelog/cmd/crashcheck/check"
)

// stream is one answer to a POST.
type stream struct {
	conn   *net.TCPConn
	record *record
	post   int
	left   chan struct{} // closed when the client has hung up

	mu    sync.Mutex // what is said and that it was said go together
	ended check.Ending
}

const (
	header = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	// held is how long a stream is left open after its last word, or silent.
	held = 3 * time.Second
)

// watch learns that the client hung up; it sends nothing else.
func (s *stream) watch(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
	close(s.left)
	s.end(check.ClientLeft, nil)
}

// end does what ends the stream, unless it has ended before. A silent one can
// still be reset.
func (s *stream) end(how check.Ending, do func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != check.StillOpen && (s.ended != check.Silent || how != check.Reset) {
		return
	}
	at := time.Now()
	if do != nil {
		if err := do(); err != nil {
			how = check.ClientLeft
		}
		if how != check.Silent {
			at = time.Now()
		}
	}
	s.ended = how
	s.record.ended(s.post, how, at)
}

func (s *stream) reset() {
	_ = s.conn.SetLinger(0) // fails on what is closed already
	s.end(check.Reset, s.conn.Close)
	_ = s.conn.Close()
}

func (s *stream) play(script script, cancel func()) {
	switch script.ending {
	case check.Gateway:
		s.end(check.Gateway, func() error {
			return s.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		})
		return
	case check.Rejected:
		s.end(check.Rejected, func() error {
			return s.write("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		})
		return
	case check.Closed:
		s.end(check.Closed, s.conn.Close)
		return
	default: // the stream begins, and ends in finish
	}
	if s.write(header) != nil || !s.progress(script) {
		return
	}
	if script.cancel {
		cancel()
		time.Sleep(time.Duration(script.items%4) * time.Millisecond)
	}
	s.finish(script)
}

// progress sends events; false: the client left.
func (s *stream) progress(script script) bool {
	for n := range script.steps {
		if !s.wait(script.pause) || s.event("progress", fmt.Sprintf(`{"n":%d}`, n)) != nil {
			return false
		}
	}
	return s.wait(script.pause)
}

func (s *stream) finish(script script) {
	switch script.ending {
	case check.Completed:
		s.record.locked(func(seen *check.Seen) { seen.Posts[s.post].Items = script.items })
		s.say(script, "completed", fmt.Sprintf(`{"items":%d}`, script.items))
	case check.Failed:
		s.record.locked(func(seen *check.Seen) { seen.Posts[s.post].Reason = failure })
		s.say(script, "failed", fmt.Sprintf(`{"error":%q}`, failure))
	case check.Clean:
		s.end(check.Clean, func() error { return s.write("0\r\n\r\n") })
	case check.Truncated:
		s.end(check.Truncated, func() error { return s.write("40\r\nevent: progress\nda") })
	case check.Reset:
		s.reset()
	case check.Silent:
		s.end(check.Silent, func() error { return s.event("progress", "{}") })
		s.wait(held)
	default: // ended before the stream began
	}
}

// say is the last word.
func (s *stream) say(script script, event, data string) {
	s.end(check.Ending(event), func() error { return s.event(event, data) })
	if script.hold {
		s.wait(held)
	}
}

func (s *stream) event(name, data string) error {
	text := "event: " + name + "\ndata: " + data + "\n\n"
	return s.write(fmt.Sprintf("%x\r\n%s\r\n", len(text), text))
}

func (s *stream) write(text string) error {
	_, err := io.WriteString(s.conn, text)
	return err
}

// wait is over early, and false, when the client leaves.
func (s *stream) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.left:
		return false
	case <-timer.C:
		return true
	}
}
