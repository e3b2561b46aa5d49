package main_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

var streams = flag.Int("streams", 10_000, "streams that BenchmarkScale holds open")

// holdDown is the default of recovery.hold_down.
const holdDown = 10 * time.Second

// silenced is how many streams fall silent while the others go on.
const silenced = 100

// BenchmarkScale holds many streams open in one server process, silences a few,
// cuts all at once, and lets all come back. The scrapers are another process.
func BenchmarkScale(b *testing.B) {
	for name, database := range map[string]func(testing.TB) eventstoretest.Database{"sqlite": eventstoretest.SQLite, "postgres": eventstoretest.Postgres} {
		b.Run(name, func(b *testing.B) {
			s := newScale(b, database(b).URL, *streams)
			s.fill()
			s.silence()
			s.storm()
			b.ReportMetric(0, "ns/op")
		})
	}
}

// scale is one server and a crowd of scrapers.
type scale struct {
	*testing.B
	measured
	api       api
	conductor string
	n         int
}

func newScale(b *testing.B, database string, n int) *scale {
	allowDescriptors(b)
	s := &scale{B: b, n: n}
	addresses := startCrowd(b)
	s.conductor = "http://" + addresses[0]
	listen := gatetest.FreeAddress(b)
	var config strings.Builder
	fmt.Fprintf(&config, "listen: %s\ndatabase: %q\nscrapers:\n", listen, database)
	for i := range n {
		fmt.Fprintf(&config, "  - {name: s-%d, url: \"http://%s/%d\"}\n", i, addresses[1+i%houses], i)
	}
	path := write(b, filepath.Join(b.TempDir(), "scrapelog.yaml"), config.String())
	began := time.Now()
	server := start(b, "serve", "--config", path)
	s.api, s.measured = api{b, "http://" + listen}, measured{b, server.Process.Pid}
	await(b, 5*time.Minute, "the server is ready", func() bool { return s.api.do("GET", "/readyz", "", nil) == http.StatusOK })
	b.Logf("%d scrapers configured and ready after %v", n, time.Since(began).Round(time.Millisecond))
	return s
}

// startCrowd starts the scrapers and returns where they are, the conductor first.
func startCrowd(b *testing.B) (addresses []string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), crowdVariable+"=1"), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if err := json.NewDecoder(out).Decode(&addresses); err != nil {
		b.Fatal(err)
	}
	return addresses
}

// conduct tells the crowd what to do and hears how it stands.
func (s *scale) conduct(what string) (state crowdState) {
	s.Helper()
	res, err := http.Post(s.conductor+what, "", nil)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&state); err != nil {
		s.Fatal(err)
	}
	return state
}

func (s *scale) awaitAll(what string) {
	s.Helper()
	for deadline := time.Now().Add(10 * time.Minute); s.conduct("/").Open != s.n; <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("not within 10 minutes: %s, but %+v", what, s.conduct("/"))
		}
	}
}

// fill starts a run of every scraper, and measures what it costs to hear every
// stream's beats.
func (s *scale) fill() {
	empty, began := s.memory(), time.Now()
	work := make(chan int)
	var starting sync.WaitGroup
	for range 32 {
		starting.Go(func() {
			for i := range work {
				if code := s.api.do("POST", fmt.Sprintf("/api/v1/scrapers/s-%d/runs", i), "", nil); code != http.StatusCreated {
					s.Errorf("starting s-%d: %d", i, code)
				}
			}
		})
	}
	for i := range s.n {
		work <- i
	}
	close(work)
	starting.Wait()
	s.awaitAll("every stream is open")
	s.Logf("%d streams opened in %v", s.n, time.Since(began).Round(time.Millisecond))
	before := s.cpu()
	<-time.After(3 * beat)
	s.ReportMetric((s.cpu()-before).Seconds()/(3*beat).Seconds(), "cores-held")
	s.ReportMetric(float64(s.memory()-empty)/float64(s.n)/1024, "KiB/stream")
	s.Log(s.breakdown())
}

// silence stops the beats of a few, and measures when that is noticed. Those
// cannot be early: what counts is how far past three beats they are.
func (s *scale) silence() {
	tail := s.api.tail()
	s.conduct("/silence")
	var late []time.Duration
	for range min(silenced, s.n) {
		e := tail.await("run.connection_lost")
		heard, err := time.Parse(time.RFC3339Nano, fmt.Sprint(e.Data["last_heard_at"]))
		if err != nil || e.Data["cause"] != "missed_beats" {
			s.Errorf("a silenced stream ended as %v", e.Data)
		}
		late = append(late, e.RecordedAt.Sub(heard)-3*beat)
	}
	slices.Sort(late)
	if late[0] < 0 {
		s.Errorf("a silent stream was lost %v before its time", -late[0])
	}
	s.ReportMetric(float64(late[len(late)-1].Milliseconds()), "ms-silence-late-max")
	s.awaitAll("the silenced are recovered")
	<-time.After(holdDown) // or the storm would find young recovery runs, whose scrapers are proved first
}

// storm cuts every stream at once, and lets all come back.
func (s *scale) storm() {
	done := make(chan struct{})
	pages := s.watchPages(done)
	position := s.api.head()
	cut := time.Now()
	s.conduct("/cut")
	used := s.cpu()
	last := s.count("run.connection_lost", position)
	s.ReportMetric(last.Sub(cut).Seconds(), "s-all-recorded")
	s.ReportMetric((s.cpu() - used).Seconds(), "cpu-s-all-recorded")
	position = s.api.head()
	back := time.Now()
	s.conduct("/return")
	used = s.cpu()
	last = s.count("run.started", position)
	s.ReportMetric(last.Sub(back).Seconds(), "s-all-rescraped")
	s.ReportMetric((s.cpu() - used).Seconds(), "cpu-s-all-rescraped")
	s.awaitAll("every stream is open again")
	close(done)
	report(s.B, "page", <-pages)
	if state := s.conduct("/"); state.PostedTwice != 0 {
		s.Errorf("%d runs were POSTed twice", state.PostedTwice)
	}
	s.Log(s.breakdown())
}

// count waits until every scraper has an event of the type after position, each
// one, and says when the last was recorded.
func (s *scale) count(kind string, position int64) time.Time {
	seen, last, deadline := map[any]int{}, time.Time{}, time.Now().Add(10*time.Minute)
	for len(seen) < s.n {
		if time.Now().After(deadline) {
			s.Fatalf("%s of %d scrapers only", kind, len(seen))
		}
		var page struct{ Events []event }
		s.api.do("GET", fmt.Sprintf("/api/v1/events?limit=500&after=%d", position), "", &page)
		for _, e := range page.Events {
			position = e.Position
			if e.Type == kind {
				seen[e.Data["scraper"]]++
				last = e.RecordedAt
			}
		}
		if len(page.Events) < 500 {
			<-time.After(200 * time.Millisecond)
		}
	}
	for scraper, n := range seen {
		if n != 1 {
			s.Errorf("%d × %s of %v", n, kind, scraper)
		}
	}
	return last
}

// watchPages asks for a page until done, and then tells how long each answer took.
func (s *scale) watchPages(done <-chan struct{}) <-chan []time.Duration {
	answered := make(chan []time.Duration, 1)
	go func() {
		var took []time.Duration
		for {
			select {
			case <-done:
				answered <- took
				return
			case <-time.After(50 * time.Millisecond):
			}
			began := time.Now()
			if code := s.api.do("GET", "/runs", "", nil); code != http.StatusOK {
				s.Errorf("/runs: %d in the storm", code)
			}
			took = append(took, time.Since(began))
		}
	}()
	return answered
}

// allowDescriptors lets the processes to come hold as many connections as the
// system lets anyone.
func allowDescriptors(b *testing.B) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	if limit.Cur < uint64(*streams)+1000 {
		b.Fatalf("%d descriptors are too few for %d streams: raise ulimit -n or lower -streams", limit.Cur, *streams)
	}
}

// breakdown is where the memory is.
func (s *scale) breakdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "resident %d MiB, %d descriptors", s.memory()>>20, s.descriptors())
	for _, name := range []string{"go_goroutines", "go_memstats_heap_alloc_bytes", "go_memstats_heap_inuse_bytes", "go_memstats_heap_idle_bytes", "go_memstats_heap_released_bytes", "go_memstats_stack_inuse_bytes"} {
		fmt.Fprintf(&b, "\n  %-34s %12.0f  %8.1f a stream", name, s.api.metric(name), s.api.metric(name)/float64(s.n))
	}
	return b.String()
}
