// Package metrics serves Prometheus what operators alert on.
//
// Three kinds of figures are here. What the log, the read models and the guards
// know is read at each scrape, so that it is the same after a restart and on every
// instance: take the maximum over instances. What this instance holds, such as its
// open streams, is read from the parts that hold it. What happens is counted and
// measured by the instance that records it, once the event is committed: take the sum
// over instances.
package metrics

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"scrapelog/domain"
)

// namespace begins the name of every series. Dashboards and alerts depend on the
// names.
const namespace = "scrapelog"

// Buckets of the histograms, in seconds.
var (
	runBuckets   = []float64{1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800}
	lossBuckets  = []float64{.01, .1, .5, 1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300}
	startBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600}
	writeBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// Metrics counts what happens, and reads the rest from its sources. Its methods may be
// called from any number of goroutines.
type Metrics struct {
	http.Handler

	ended, losses, skipped                     *prometheus.CounterVec
	duration, detection, recovery, delay, took prometheus.Histogram
	handled                                    *prometheus.HistogramVec
}

// New makes the metrics, and the handler that serves them.
func New(from Sources) *Metrics {
	m := &Metrics{
		ended:     counter("runs_ended_total", "Runs that this instance saw end, by how.", "status"),
		losses:    counter("connection_losses_total", "Lost connections that this instance recorded.", "link", "cause"),
		skipped:   counter("slots_skipped_total", "Scrapes that were due and not run, by why; all slots of one unbroken gap count as one.", "reason"),
		duration:  histogram("run_duration_seconds", "From the start of a run to its end, whichever that was.", runBuckets),
		detection: histogram("loss_detection_seconds", "From the last sign of life of a scraper, or else from the start of its run, to the recorded loss.", lossBuckets),
		recovery:  histogram("recovery_seconds", "From the return of a lost connection to the start of the run that recovers it.", startBuckets),
		delay:     histogram("slot_delay_seconds", "From the instant at which a slot should start, jitter included, to the start of its run.", startBuckets),
		took:      histogram("append_seconds", "From the request to append events to the log to their commit.", writeBuckets),
		handled:   histograms("handler_seconds", "Transactions of a consumer of the log: reading a batch of events, handling and committing it.", writeBuckets, "consumer"),
	}
	m.begin()
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.ended, m.losses, m.skipped, m.duration, m.detection, m.recovery, m.delay, m.took, m.handled, from.collector(),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.Handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}

// begin shows every series at zero. A series that first appears at 1 has no increase
// that an alert could see.
func (m *Metrics) begin() {
	for _, status := range domain.Statuses {
		if status.Final() {
			m.ended.WithLabelValues(string(status))
		}
	}
	for _, cause := range domain.Causes {
		m.losses.WithLabelValues(string(cause.Link()), string(cause))
	}
	for _, reason := range domain.SkipReasons {
		m.skipped.WithLabelValues(string(reason))
	}
}

// Observe counts and measures an event that this instance recorded.
func (m *Metrics) Observe(f domain.Fact) {
	switch e := f.Event.(type) {
	case domain.RunStarted:
		m.started(e, f)
	case domain.ConnectionLost:
		m.losses.WithLabelValues(string(e.Link), string(e.Cause)).Inc()
		m.detected(e, f)
		m.end(domain.StatusConnectionFailed, f)
	case domain.RunCompleted:
		m.end(domain.StatusCompleted, f)
	case domain.RunFailed:
		m.end(domain.StatusFailed, f)
	case domain.RunCancelled:
		m.end(domain.StatusCancelled, f)
	case domain.ScrapeSkipped:
		m.skipped.WithLabelValues(string(e.Reason)).Inc()
	default: // says nothing about a run's start or end
	}
}

func (m *Metrics) started(e domain.RunStarted, f domain.Fact) {
	switch {
	case f.Due.IsZero():
	case e.Trigger == domain.TriggerSchedule:
		observe(m.delay, f.Due, f.RecordedAt)
	case e.Recovers != uuid.Nil:
		observe(m.recovery, f.Due, f.RecordedAt)
	}
}

// detected measures the losses that a silence or an error of the connection showed. How
// long an instance was dead, or a watcher gone, the event does not say.
func (m *Metrics) detected(e domain.ConnectionLost, f domain.Fact) {
	switch {
	case !e.LastHeardAt.IsZero():
		observe(m.detection, e.LastHeardAt, f.RecordedAt)
	case e.Phase == domain.PhaseConnecting:
		observe(m.detection, f.Run.StartedAt, f.RecordedAt)
	}
}

func (m *Metrics) end(as domain.RunStatus, f domain.Fact) {
	m.ended.WithLabelValues(string(as)).Inc()
	observe(m.duration, f.Run.StartedAt, f.OccurredAt())
}

// observe takes a clock that was set back for no time at all.
func observe(h prometheus.Histogram, from, to time.Time) { h.Observe(max(0, to.Sub(from).Seconds())) }

// Appended measures an append to the log.
func (m *Metrics) Appended(took time.Duration) { m.took.Observe(took.Seconds()) }

// Handled measures a transaction of a consumer of the log.
func (m *Metrics) Handled(consumer string, took time.Duration) {
	m.handled.WithLabelValues(consumer).Observe(took.Seconds())
}
