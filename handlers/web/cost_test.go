package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

// BenchmarkOpenTabs says what a tab costs the server for as long as it is open:
// a stream that has had its state. Clients are bare connections.
func BenchmarkOpenTabs(b *testing.B) {
	const tabs = 500
	for b.Loop() {
		s := webtest.New()
		h := live.New(live.Config{Source: s, Wake: func() (<-chan struct{}, func()) { return nil, func() {} }, Render: web.RenderFor(domain.RoleAdmin)})
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

// BenchmarkLiveTabs says what it costs to tell open tabs of changes: how much of
// a core, the tabs' own reading included, since they are in the same process.
func BenchmarkLiveTabs(b *testing.B) {
	const tabs = 500
	for _, rate := range []float64{0, 3.5, 20} {
		b.Run(fmt.Sprintf("%g_a_second", rate), func(b *testing.B) {
			changing := &changing{Service: webtest.New(), wake: make(chan struct{}, 1)}
			changing.position.Store(webtest.Head)
			h := live.New(live.Config{Source: changing, Wake: func() (<-chan struct{}, func()) { return changing.wake, func() {} }, Render: web.RenderFor(domain.RoleAdmin)})
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			go func() { _ = h.Run(ctx) }() // until cancel
			server := httptest.NewServer(webtest.Echo(changing.Handler(h, nil)))
			defer server.Close()
			defer h.Close()
			for i := range tabs {
				c := follow(b, server.Listener.Addr().String(), i)
				go func() { _, _ = io.Copy(io.Discard, c) }() // until the server closes it
			}
			for b.Loop() {
				began, used := time.Now(), processorTime(b)
				for end := began.Add(10 * time.Second); time.Now().Before(end); {
					changing.change(rate)
				}
				b.ReportMetric(100*(processorTime(b)-used).Seconds()/time.Since(began).Seconds(), "%core")
			}
		})
	}
}

// changing is a source whose open run changes.
type changing struct {
	*webtest.Service
	position atomic.Int64
	wake     chan struct{}
}

func (c *changing) change(rate float64) {
	if rate == 0 {
		time.Sleep(time.Second)
		return
	}
	time.Sleep(time.Duration(float64(time.Second) / rate))
	c.position.Add(1)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *changing) ChangedSince(ctx context.Context, position int64) (projections.Changes, error) {
	now := c.position.Load()
	if position == 0 {
		changes, err := c.Service.ChangedSince(ctx, 0)
		changes.Position = now
		return changes, err
	}
	changes := projections.Changes{Counts: projections.Counts{}, Position: now}
	if now > position {
		changes.Runs = c.Rows[:1]
	}
	return changes, nil
}

// processorTime is how long this process has run on any core.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
