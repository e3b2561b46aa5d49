package trace

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"scrapelog/domain"
)

var (
	runID = uuid.MustParse("0198f0a0-0000-7000-8000-00000000000a")
	noon  = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
)

// observed returns the spans that a fact led to.
func observed(f domain.Fact) tracetest.SpanStubs {
	kept := tracetest.NewInMemoryExporter()
	newTracer(sdk.WithSyncer(kept)).Observe(f)
	return kept.GetSpans()
}

func TestEachEndOfARunIsASpan(t *testing.T) {
	about := domain.AboutRun{RunID: runID, Scraper: "shop", At: noon.Add(time.Minute)}
	run := domain.Run{ID: runID, Scraper: "shop", Trigger: "manual", Instance: "i1", StartedAt: noon}
	for name, test := range map[string]struct {
		end    domain.Event
		status sdk.Status
		says   attribute.KeyValue
	}{
		"completed": {domain.RunCompleted{AboutRun: about, Items: 7}, sdk.Status{Code: codes.Ok}, attribute.Int64("scrapelog.items", 7)},
		"failed": {
			domain.RunFailed{AboutRun: about, Code: "timeout", Detail: "late"},
			sdk.Status{Code: codes.Error, Description: "failed: timeout: late"}, attribute.String("scrapelog.code", "timeout"),
		},
		"connection_failed": {
			domain.ConnectionLost{AboutRun: about, Link: "scraper", Cause: "instance_lost", Detail: "it died"},
			sdk.Status{Code: codes.Error, Description: "connection lost: instance_lost: it died"}, attribute.String("scrapelog.cause", "instance_lost"),
		},
		"cancelled": {domain.RunCancelled{AboutRun: about}, sdk.Status{}, attribute.String("scrapelog.trigger", "manual")},
	} {
		t.Run(name, func(t *testing.T) {
			spans := observed(domain.Fact{Event: test.end, Run: run})
			if len(spans) != 1 {
				t.Fatalf("%d spans", len(spans))
			}
			s := spans[0]
			if s.Name != "run" || s.Status != test.status || !s.StartTime.Equal(noon) || !s.EndTime.Equal(about.At) || len(s.Links) != 0 {
				t.Errorf("%+v", s)
			}
			said := attribute.NewSet(s.Attributes...)
			for _, want := range []attribute.KeyValue{test.says, attribute.String("scrapelog.status", name), attribute.String("scrapelog.run", runID.String())} {
				if got, ok := said.Value(want.Key); !ok || got != want.Value {
					t.Errorf("%s is %v, want %v", want.Key, got, want.Value)
				}
			}
			if got := fmt.Sprintf("00-%s-%s-%s", s.SpanContext.TraceID(), s.SpanContext.SpanID(), s.SpanContext.TraceFlags()); got != domain.RunTraceparent(runID) {
				t.Errorf("span %s, want %s", got, domain.RunTraceparent(runID))
			}
		})
	}
}

func TestWhatEndsNoRunIsNoSpan(t *testing.T) {
	for _, e := range []domain.Event{domain.RunStarted{}, domain.ConnectionRestored{}, domain.ScrapeSkipped{}} {
		if spans := observed(domain.Fact{Event: e}); len(spans) != 0 {
			t.Errorf("%T: %+v", e, spans)
		}
	}
}

func TestTracesAreOffUnlessTheEnvironmentAsksForThem(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"nothing set":              {nil, false},
		"an endpoint":              {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, true},
		"an endpoint of traces":    {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, true},
		"the SDK switched off":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "true"}, false},
		"another exporter or none": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range append([]string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"}, endpoints...) {
				t.Setenv(variable, test.env[variable])
			}
			if got := wanted(); got != test.want {
				t.Errorf("wanted: %v", got)
			}
		})
	}
}
