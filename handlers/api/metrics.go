package api

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"scrapelog/domain"
)

// collectTimeout bounds what one look at the database may take.
const collectTimeout = 2 * time.Second

// The metrics. Dashboards and alerts depend on their names.
var (
	buildInfo     = describe("build_info", "Always 1; the labels say what runs.", "version", "go_version")
	databaseUp    = describe("database_up", "1 if the metrics that the database knows could be read.")
	runsByStatus  = describe("runs", "Runs by status.", "status")
	lossesTotal   = describe("connection_losses_total", "Runs that ended because a connection was lost.")
	openStreams   = describe("open_streams", "Open server-sent event streams: scraper (we read), watch and events (we serve).", "kind")
	logHead       = describe("log_head_position", "Position of the last event of the log.")
	groupPosition = describe("consumer_position", "Position that a consumer of the log has reached.", "consumer")
	groupLag      = describe("consumer_lag_events", "Events that a consumer of the log has still to see.", "consumer")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("scrapelog_"+name, help, labels, nil)
}

func (h *Handler) newMetrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{h},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// collector reads every metric at each scrape: the log and the read models have them, and
// they are the same after a restart.
type collector struct{ *Handler }

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildInfo, databaseUp, runsByStatus, lossesTotal, openStreams, logHead, groupPosition, groupLag} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	emit := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	emit(buildInfo, 1, c.Version, runtime.Version())
	emit(openStreams, float64(c.streams.open[eventStream].Load()), "events")
	emit(openStreams, float64(c.streams.open[watchStream].Load()), "watch")
	emit(openStreams, float64(c.OpenStreams()), "scraper")
	figures, err := c.figures()
	if err != nil {
		c.Logger.Warn("reading the database's metrics failed, leaving them out", "error", err)
		emit(databaseUp, 0)
		return
	}
	emit(databaseUp, 1)
	figures(metrics, emit)
}

type gauge func(d *prometheus.Desc, value float64, labels ...string)

// figures reads all metrics before any is emitted, so that a scrape has all or none.
func (c collector) figures() (func(chan<- prometheus.Metric, gauge), error) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	head, err := c.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := c.Views.Counts(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := c.Log.GroupStates(ctx)
	if err != nil {
		return nil, err
	}
	return func(metrics chan<- prometheus.Metric, emit gauge) {
		emit(logHead, float64(head))
		for _, status := range domain.Statuses {
			emit(runsByStatus, float64(counts[status]), string(status))
		}
		lost := float64(counts[domain.StatusConnectionFailed])
		metrics <- prometheus.MustNewConstMetric(lossesTotal, prometheus.CounterValue, lost)
		for _, g := range groups {
			emit(groupPosition, float64(g.Position), g.Name)
			emit(groupLag, float64(g.Lag), g.Name)
		}
	}, nil
}
