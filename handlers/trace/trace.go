// Package trace tells an OpenTelemetry collector about runs: a span for each run, from
// its start to its end, with the children connect and stream.
//
// The ids of a run's span follow from the run's id, as [domain.RunTraceparent] has
// them: they are in the log and in the request to the scraper before the span is made.
// The instance that records the end of a run makes its span, so that a run whose
// instance died has one too. Nothing waits for the collector: spans are dropped while
// it is away.
package trace

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
)

// flushTime is how long a stop waits for the last spans to be sent.
const flushTime = 2 * time.Second

// endpoints are the variables of which one must be set.
var endpoints = []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}

func wanted() bool {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	for _, name := range endpoints {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// Tracer makes the spans. Its methods may be called from any number of goroutines. A nil
// Tracer makes none.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Open makes a tracer that sends spans to the endpoint that the environment names, as
// OTLP over HTTP, within the rules. The endpoint need not answer. Open returns nil if the environment
// asks for no traces, or for some that cannot be made, which it logs.
func Open(ctx context.Context, version string, rules func() egress.Rules, logger *slog.Logger) *Tracer {
	if !wanted() {
		return nil
	}
	otel.SetLogger(logr.FromSlogHandler(logger.Handler()))
	otel.SetErrorHandler(&complaints{logger: logger})
	client, err := newClient(rules)
	if err != nil {
		logger.Warn("no traces are made", "error", err)
		return nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithHTTPClient(client))
	if err != nil {
		logger.Warn("no traces are made", "error", err)
		return nil
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "scrapelog"), attribute.String("service.version", version)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
	)
	if err != nil {
		logger.Warn("resource attributes of traces not read, leaving them out", "error", err)
	}
	return newTracer(sdk.WithBatcher(exporter), sdk.WithResource(about))
}

func newTracer(options ...sdk.TracerProviderOption) *Tracer {
	// Ids that follow from a UUID are no even spread, which a sampler by ratio needs: a
	// collector may sample, and the scraper is told that its trace is kept.
	options = append(options, sdk.WithIDGenerator(ids{}), sdk.WithSampler(sdk.AlwaysSample()))
	provider := sdk.NewTracerProvider(options...)
	return &Tracer{provider, provider.Tracer("scrapelog")}
}

// Close sends the last spans, if the collector takes them within two seconds.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// complaints logs once a minute that spans could not be sent.
type complaints struct {
	logger *slog.Logger
	mu     sync.Mutex
	said   time.Time
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.said) < time.Minute {
		return
	}
	c.said = time.Now()
	c.logger.Warn("traces not sent, dropping them", "error", err)
}

// ids gives a run's span the ids that follow from the run, and every other span a
// random one.
type ids struct{}

type runKey struct{}

// NewIDs implements sdk.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	of := spanOf(ctx.Value(runKey{}).(uuid.UUID))
	return of.TraceID(), of.SpanID()
}

// NewSpanID implements sdk.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	random := uuid.New()
	return trace.SpanID(random[8:])
}

// spanOf returns the span of a run.
func spanOf(run uuid.UUID) trace.SpanContext { return spanIn(domain.RunTraceparent(run)) }

// spanIn returns the span that a W3C trace context names.
func spanIn(traceparent string) trace.SpanContext {
	carrier := propagation.MapCarrier{"traceparent": traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// Observe makes the span of a run when its end is recorded.
func (t *Tracer) Observe(f domain.Fact) {
	if t == nil {
		return
	}
	status, code, attributes := endOf(f.Event)
	if status == "" {
		return
	}
	run := f.Run
	attributes = append(attributes,
		attribute.String("scrapelog.run", run.ID.String()), attribute.String("scrapelog.scraper", run.Scraper),
		attribute.String("scrapelog.trigger", string(run.Trigger)), attribute.String("scrapelog.instance", run.Instance),
		attribute.String("scrapelog.status", string(status)),
	)
	ctx := context.WithValue(context.Background(), runKey{}, run.ID)
	_, span := t.tracer.Start(ctx, "run", trace.WithTimestamp(run.StartedAt), trace.WithAttributes(attributes...), trace.WithLinks(links(f)...))
	span.SetStatus(code, describe(f.Event))
	span.End(trace.WithTimestamp(f.OccurredAt()))
}

// links are to the lost run that the run recovers, and to the request that started it.
func links(f domain.Fact) (all []trace.Link) {
	if f.Run.Recovers != uuid.Nil {
		all = append(all, trace.Link{SpanContext: spanOf(f.Run.Recovers), Attributes: []attribute.KeyValue{attribute.String("scrapelog.link", "recovers")}})
	}
	if caller := spanIn(f.Caller); caller.IsValid() && !caller.Equal(spanOf(f.Run.ID).WithRemote(true)) {
		all = append(all, trace.Link{SpanContext: caller, Attributes: []attribute.KeyValue{attribute.String("scrapelog.link", "started by")}})
	}
	return all
}

// endOf returns the status of a run that ended with e, or an empty one for an event
// that ends no run.
func endOf(e domain.Event) (status domain.RunStatus, code codes.Code, attributes []attribute.KeyValue) {
	switch e := e.(type) {
	case domain.RunCompleted:
		return domain.StatusCompleted, codes.Ok, []attribute.KeyValue{attribute.Int64("scrapelog.items", e.Items)}
	case domain.RunFailed:
		return domain.StatusFailed, codes.Error, []attribute.KeyValue{attribute.String("scrapelog.code", string(e.Code))}
	case domain.ConnectionLost:
		return domain.StatusConnectionFailed, codes.Error, []attribute.KeyValue{
			attribute.String("scrapelog.cause", string(e.Cause)), attribute.String("scrapelog.link", string(e.Link)),
			attribute.String("scrapelog.phase", string(e.Phase)), attribute.Int64("scrapelog.received.events", e.Received.Events),
		}
	case domain.RunCancelled:
		return domain.StatusCancelled, codes.Unset, nil
	default:
		return "", codes.Unset, nil
	}
}

// describe returns the loss or the failure in words.
func describe(e domain.Event) string {
	switch e := e.(type) {
	case domain.ConnectionLost:
		return lost(e.Cause, e.Detail)
	case domain.RunFailed:
		return failed(e.Code, e.Detail)
	default:
		return ""
	}
}

func lost(cause domain.Cause, detail string) string {
	return fmt.Sprintf("connection lost: %s: %s", cause, detail)
}

func failed(code domain.FailureCode, detail string) string {
	return fmt.Sprintf("failed: %s: %s", code, detail)
}

// Exchange makes the span of one phase of a run's exchange with its scraper, a child of
// the run's. end is the command that the phase led to; nil: the next phase, or none.
func (t *Tracer) Exchange(run domain.Run, phase domain.Phase, from, to time.Time, end domain.RunCommand) {
	if t == nil {
		return
	}
	name := map[domain.Phase]string{domain.PhaseConnecting: "connect", domain.PhaseStreaming: "stream"}[phase]
	parent := trace.ContextWithSpanContext(context.Background(), spanOf(run.ID))
	_, span := t.tracer.Start(parent, name, trace.WithTimestamp(from), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("scrapelog.scraper", run.Scraper)))
	switch end := end.(type) {
	case domain.ReportConnectionLost:
		span.SetStatus(codes.Error, lost(end.Cause, end.Detail))
	case domain.ReportFailed:
		span.SetStatus(codes.Error, failed(end.Code, end.Detail))
	default: // nothing went wrong
	}
	span.End(trace.WithTimestamp(to))
}
