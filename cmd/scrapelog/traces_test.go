package main_test

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// collected are the spans that a collector was sent.
type collected struct {
	*testing.T
	*httptest.Server
	mu       sync.Mutex
	spans    []*otlp.Span
	services []string
}

// newCollector listens where the environment tells exporters to send spans to.
func newCollector(t *testing.T) *collected {
	c := &collected{T: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	return c
}

func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			c.Errorf("gzip: %v", err)
			return
		}
		body = unpacked
	}
	data, err := io.ReadAll(body)
	request := &collector.ExportTraceServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(data, request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.Errorf("%s, %s: %v", r.URL.Path, r.Header.Get("Content-Type"), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				c.services = append(c.services, a.Value.GetStringValue())
			}
		}
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// traceOf waits for the spans of a run and returns them by name, the run's own and its
// children.
func (c *collected) traceOf(run, traceparent string, names ...string) map[string]*otlp.Span {
	c.Helper()
	parts := strings.Split(traceparent, "-")
	if want := strings.ReplaceAll(run, "-", ""); len(parts) != 4 || parts[1] != want {
		c.Fatalf("the scraper was sent %q, want the trace id %s", traceparent, want)
	}
	found := map[string]*otlp.Span{}
	await(c.T, 30*time.Second, "the spans of the run are sent", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.spans {
			if hex.EncodeToString(s.TraceId) == parts[1] {
				found[s.Name] = s
			}
		}
		return len(found) == len(names) && !slices.ContainsFunc(names, func(name string) bool { return found[name] == nil })
	})
	for name, s := range found {
		id, parent := hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId)
		if name == "run" && (id != parts[2] || parent != "") || name != "run" && (parent != parts[2] || id == parts[2]) {
			c.Errorf("span %s is %s, child of %q; the scraper was sent %s", name, id, parent, parts[2])
		}
		if s.EndTimeUnixNano < s.StartTimeUnixNano || s.StartTimeUnixNano == 0 {
			c.Errorf("span %s is from %d to %d", name, s.StartTimeUnixNano, s.EndTimeUnixNano)
		}
	}
	return found
}

func statusOf(s *otlp.Span) string {
	return s.Status.GetCode().String() + " " + s.Status.GetMessage()
}

// linksOf are the traces that a span links to.
func linksOf(s *otlp.Span) (traces []string) {
	for _, l := range s.Links {
		traces = append(traces, hex.EncodeToString(l.TraceId)+"-"+hex.EncodeToString(l.SpanId))
	}
	return traces
}

// TestARunIsATrace sends the spans of a run that was started by a request of another
// trace, lost and recovered to a collector, and compares them with what the scraper and
// the log were told.
func TestARunIsATrace(t *testing.T) {
	spans, scraper, addr := newCollector(t), newHolder(t), gatetest.FreeAddress(t)
	s := api{t, "http://" + addr}
	server := start(t, "serve", "--log-format", "json", "--config", write(t, t.TempDir()+"/scrapelog.yaml", scraper.config("shop")), "--listen", addr, "--db", eventstoretest.SQLite(t).URL)
	s.ready()
	const caller = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	if code := s.asked("POST", "/api/v1/scrapers/shop/runs", func(r *http.Request) { r.Header.Set("Traceparent", "00-"+caller+"-01") }); code != 201 {
		t.Fatalf("start: %d", code)
	}
	var lost, recovery []run
	await(t, 30*time.Second, "the run is followed", func() bool {
		lost = s.runs("trigger=manual")
		return len(lost) == 1 && scraper.follows(lost[0].ID)
	})
	scraper.cut(t, lost[0].ID)
	await(t, 30*time.Second, "the recovery run is followed", func() bool {
		recovery = s.runs("trigger=recovery")
		return len(recovery) == 1 && scraper.follows(recovery[0].ID)
	})
	scraper.end(t, recovery[0].ID)
	first := spans.traceOf(lost[0].ID, scraper.traceparent(lost[0].ID), "run", "connect", "stream")
	second := spans.traceOf(recovery[0].ID, scraper.traceparent(recovery[0].ID), "run", "connect", "stream")
	const loss = "STATUS_CODE_ERROR connection lost: truncated: unexpected EOF"
	for name, test := range map[string]struct{ got, want string }{
		"the lost run":        {statusOf(first["run"]), loss},
		"its connect":         {statusOf(first["connect"]), "STATUS_CODE_UNSET "},
		"its stream":          {statusOf(first["stream"]), loss},
		"the recovery":        {statusOf(second["run"]), "STATUS_CODE_OK "},
		"the recovery's link": {strings.Join(linksOf(second["run"]), " "), strings.ReplaceAll(lost[0].ID, "-", "") + "-" + hex.EncodeToString(first["run"].SpanId)},
		"the caller's link":   {strings.Join(linksOf(first["run"]), " "), caller},
		"the service":         {spans.services[0], "scrapelog"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", name, test.got, test.want)
		}
	}
	for _, e := range s.events() {
		run, sent := e.Data["run_id"], e.Metadata["traceparent"]
		if id, is := run.(string); is && e.Type != "run.started" && sent != scraper.traceparent(id) {
			t.Errorf("%s says %s, and the scraper was sent %s", e.Type, sent, scraper.traceparent(id))
		}
	}
	server.stop(t)
	if line, want := server.out.String(), `"trace_id":"`+strings.ReplaceAll(lost[0].ID, "-", "")+`"`; !strings.Contains(line, want) {
		t.Errorf("no %s in %s", want, line)
	}
}

// TestACollectorThatIsAwayHoldsNothingUp runs a scrape while the collector refuses
// connections, and while it never answers.
func TestACollectorThatIsAwayHoldsNothingUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	for name, endpoint := range map[string]string{"refused": gatetest.FreeAddress(t), "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"+endpoint+"/v1/traces")
			scraper, addr := newHolder(t), gatetest.FreeAddress(t)
			s := api{t, "http://" + addr}
			server := start(t, "serve", "--config", write(t, t.TempDir()+"/scrapelog.yaml", scraper.config("shop")), "--listen", addr, "--db", eventstoretest.SQLite(t).URL)
			s.ready()
			run := s.startRun("shop")
			await(t, 30*time.Second, "the run is followed", func() bool { return scraper.follows(run.ID) })
			scraper.end(t, run.ID)
			if ended := s.ended(run.ID, 30*time.Second); ended.Status != "completed" {
				t.Errorf("the run is %s", ended.Status)
			}
			began := time.Now()
			if code := server.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the stop took %s", took)
			}
			if said := strings.Count(server.out.String(), "traces not sent"); said > 1 {
				t.Errorf("it was said %d times that traces are not sent", said)
			}
		})
	}
}
