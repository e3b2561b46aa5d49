package scrape

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// BenchmarkStreamMemory holds streams open and tells what each costs: what is
// live, before the garbage collector's headroom, and the stacks. The peers'
// sockets, which are in this process too, are part of it.
func BenchmarkStreamMemory(b *testing.B) {
	const streams = 2000
	address := beating(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	ctx, end := context.WithCancelCause(context.Background())
	var following, opened sync.WaitGroup
	places := make(chan struct{}, 64)
	for range streams {
		opened.Add(1)
		places <- struct{}{}
		following.Go(func() {
			cfg := testConfig()
			cfg.URL, cfg.StartTimeout, cfg.MaxDuration = address, domain.Duration(2e10), domain.Duration(1e12)
			ctx, end := context.WithCancelCause(ctx)
			defer end(nil)
			signs := 0
			follow(ctx, end, domain.Run{ID: uuid.New(), Scraper: "shop"}, cfg, func() {}, func(time.Time) {
				if signs++; signs == 2 { // the header, and the event
					<-places
					opened.Done()
				}
			})
		})
	}
	opened.Wait()
	for range 3 { // stacks shrink at a collection, by half
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/streams/1024, "KiB-live/stream")
	b.ReportMetric(float64(after.StackInuse-before.StackInuse)/streams/1024, "KiB-stack/stream")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/streams, "goroutines/stream")
	b.ReportMetric(0, "ns/op")
	end(errEnded)
	following.Wait()
}

// beating is the address of a scraper that sends one event and then holds.
func beating(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(conn, streamHeader+"X-Scrape-Beat: 60s\r\nTransfer-Encoding: chunked\r\n\r\n"+chunk(progress))
			}
			conns = append(conns, conn)
		}
	}()
	b.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return "http://" + l.Addr().String() + "/"
}
