package scrape

import (
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/domain"
)

const (
	unbuffered  = "proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection '';"
	buffered    = "proxy_buffering on; proxy_http_version 1.1; proxy_set_header Connection '';"
	lastChunk   = "0\r\n\r\n"
	notBuffered = streamHeader + "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// slowly says something every 100 ms, ten times over, and completes.
func slowly(conn *net.TCPConn) {
	for range 10 {
		<-time.After(100 * time.Millisecond)
		_, _ = io.WriteString(conn, chunk(progress))
	}
	_, _ = io.WriteString(conn, chunk(completed)+lastChunk)
}

// nginxFaults: what a proxy makes of a scraper's faults, and its own.
func nginxFaults() map[string]proxied {
	const idle = 300*time.Millisecond + grace
	whole := chunkedHeader + chunk(progress) + chunk(completed) + lastChunk
	stream := chunkedHeader + chunk(progress)
	killUpstream := func(_ *nginx, kill func()) { kill() }
	return map[string]proxied{
		"a whole run, buffering off":          {settings: unbuffered, answer: whole, want: done(7).unsent()},
		"a whole run, buffering on":           {settings: buffered, answer: whole, want: done(7).unsent()},
		"buffering on, a slow stream":         {settings: buffered, answer: chunkedHeader, then: slowly, want: done(7).unsent()},
		"buffering on, X-Accel-Buffering: no": {settings: buffered, answer: notBuffered, then: slowly, want: done(7).unsent()},
		"proxy_read_timeout below the beat": {settings: unbuffered + "proxy_read_timeout 1s;", answer: stream,
			want: streamed(domain.CauseTruncated, 1).unsent().after(time.Second)},
		"proxy_read_timeout before the header": {settings: unbuffered + "proxy_read_timeout 1s;",
			want: connecting(domain.CauseGateway).unsent().after(time.Second).saying("504")},
		"upstream killed in mid-stream": {settings: unbuffered, answer: stream, meanwhile: killUpstream,
			want: streamed(domain.CauseTruncated, 1).unsent()},
		"upstream killed, spoken to in HTTP/1.0": {settings: "proxy_buffering off;", answer: "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + progress,
			then: func(c *net.TCPConn) { _ = c.CloseWrite() }, want: streamed(domain.CauseEOF, 1).unsent()},
		"upstream killed before it answers": {settings: unbuffered, then: func(c *net.TCPConn) { _ = c.Close() },
			want: connecting(domain.CauseGateway).unsent().saying("502")},
		"upstream silent": {settings: unbuffered, answer: stream, config: idling(300 * time.Millisecond), want: streamed(domain.CauseIdleTimeout, 1).unsent().after(idle)},
		"reloaded in mid-stream": {settings: unbuffered, answer: chunkedHeader + chunk(progress), then: slowly,
			meanwhile: func(n *nginx, _ func()) { n.signal(syscall.SIGHUP) }, want: done(7).unsent()},
		"stopped in mid-stream": {settings: unbuffered, answer: stream,
			meanwhile: func(n *nginx, _ func()) { n.signal(syscall.SIGTERM) }, want: streamed(domain.CauseTruncated, 1).unsent()},
		"killed in mid-stream": {settings: unbuffered, answer: stream,
			meanwhile: func(n *nginx, _ func()) { n.kill(syscall.SIGKILL) }, want: streamed(domain.CauseTruncated, 1).unsent()},
		"frozen in mid-stream": {settings: unbuffered, answer: chunkedHeader + chunk(progress), config: idling(300 * time.Millisecond),
			meanwhile: func(n *nginx, _ func()) { n.kill(syscall.SIGSTOP) }, want: streamed(domain.CauseIdleTimeout, 1).unsent().after(idle)},
	}
}

// TestFaultsBehindNginx injects what happens where a proxy stands in between.
func TestFaultsBehindNginx(t *testing.T) {
	var table sync.Map
	t.Run("inject", func(t *testing.T) {
		for name, p := range nginxFaults() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c, took := p.run(t)
				table.Store("nginx: "+name, p.want.row(c, took))
				p.want.check(t, c, 0, took)
			})
		}
	})
	t.Run("refused", func(t *testing.T) { // nobody upstream
		n := startNginx(t, closedPort(t), unbuffered)
		c, _, took := scenario{url: n.url}.run(t)
		w := connecting(domain.CauseGateway).unsent().saying("502")
		table.Store("nginx: upstream refused", w.row(c, took))
		w.check(t, c, 0, took)
		if !strings.Contains(n.logged(t), "refused") {
			t.Error("nginx does not say so")
		}
	})
	t.Log("\n" + printTable(&table))
}
