package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
)

// BenchmarkOpenTabs says what a tab costs the server for as long as it is open:
// a stream that has had its state. Clients are bare connections.
func BenchmarkOpenTabs(b *testing.B) {
	const tabs = 500
	for b.Loop() {
		s := webtest.New()
		h := live.New(live.Config{Source: s, Wake: func() (<-chan struct{}, func()) { return nil, func() {} }, Render: web.Render})
		ctx, cancel := context.WithCancel(b.Context())
		go func() { _ = h.Run(ctx) }() // until cancel
		server := httptest.NewServer(webtest.Echo(s.Handler(h, nil)))
		before, goroutines := heap(), runtime.NumGoroutine()
		connections := make([]net.Conn, tabs)
		for i := range connections {
			connections[i] = follow(b, server.Listener.Addr().String(), i)
		}
		b.ReportMetric(float64(heap()-before)/1024/tabs, "KB/tab")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/tabs, "goroutines/tab")
		for _, c := range connections {
			_ = c.Close()
		}
		cancel()
		h.Close()
		server.Close()
	}
}

// follow opens a stream and reads it up to the end of the state.
func follow(b *testing.B, address string, tab int) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "GET /live?id=tab-%d HTTP/1.1\r\nHost: localhost\r\n\r\n", tab); err != nil {
		b.Fatal(err)
	}
	for lines := bufio.NewReader(c); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		if strings.HasPrefix(line, "event: state") {
			return c
		}
	}
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
