package metrics

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scrapelog/domain"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
	"scrapelog/projections"
)

// timeout bounds what one look at the database may take.
const timeout = 2 * time.Second

// Sources are what is read at each scrape. All fields but PerScraper are required.
type Sources struct {
	Version    string
	PerScraper bool // whether the series with the label scraper are served

	Head      func(ctx context.Context) (int64, error)
	Counts    func(ctx context.Context) (projections.Counts, error)
	Groups    func(ctx context.Context) ([]feed.Group, error)
	Relays    func(ctx context.Context) ([]feed.Group, error) // shown as the groups are
	Vitals    func(ctx context.Context) ([]projections.Vitals, error)
	Outages   func(ctx context.Context) (open int, err error)
	Instances func(ctx context.Context) (live int, err error)

	Streams func() map[string]int                             // open here, by kind
	Waiting func() (ends, slots int)                          // ended runs that are not recorded, and slots that are overdue here
	Notices func(yield func(channel, result string, n int64)) // attempts of this instance to send one, by how they ended
	Sealing func() proof.State                                // of the proof of the log
	// Verified returns the last verification that found the log as it was signed, and
	// what the last one found to be wrong; empty: nothing.
	Verified func() (good domain.LogVerified, damage string)
	Wrong    func() (reasons []string) // by the inspection of the database
	Logger   *slog.Logger
}

var (
	buildInfo     = describe("build_info", "Always 1; the labels say what runs.", "version", "go_version")
	openStreams   = describe("open_streams", "Open server-sent event streams: scraper (we read), watch, events and page (we serve).", "kind")
	endsWaiting   = describe("ends_waiting", "Runs of this instance that have ended and whose end could not be recorded yet.")
	slotsOverdue  = describe("slots_overdue", "Slots that this instance could not start or skip in time.")
	logDamaged    = describe("log_damaged", "1 if the log does not follow from what was signed, or the database was changed without an event.")
	sealedUpTo    = describe("log_sealed_position", "Position up to which the log is signed.")
	sealedAt      = describe("log_sealed_timestamp_seconds", "When this instance last found that the log follows from its newest checkpoint; 0: not yet.")
	verifiedUpTo  = describe("log_verified_position", "Position up to which the last good verification found the log as it was signed; 0: there was none.")
	verifiedAt    = describe("log_verified_timestamp_seconds", "When the last good verification of the log was; 0: there was none.")
	databaseUp    = describe("database_up", "1 if the metrics that the database knows could be read.")
	runsByStatus  = describe("runs", "Runs by status.", "status")
	runsOpen      = describe("runs_open", "Runs that have started and not ended.")
	logHead       = describe("log_head_position", "Position of the last event of the log.")
	liveInstances = describe("instances", "Instances that are alive.")
	groupPosition = describe("consumer_position", "Position that a consumer of the log has reached.", "consumer")
	groupLag      = describe("consumer_lag_events", "Events that a consumer of the log has still to see.", "consumer")
	groupBehind   = describe("consumer_lag_seconds", "Age of the oldest event that a consumer of the log has still to see.", "consumer")
	outagesOpen   = describe("outages_open", "Origins whose connections are lost and not back.")
	noticesTotal  = describe("notices_total", "Attempts of this instance to send a notice, by how they ended: sent, failed (it is tried again) or given_up.", "channel", "result")

	scraperUp      = describe("scraper_up", "0 while the connection to a scraper is lost and not back.", "scraper")
	scraperFailing = describe("scraper_failing", "1 if the last run of a scraper that failed or completed has failed.", "scraper")
	scraperOverdue = describe("scraper_overdue", "1 while no run of a scraper completed as expected within expect.success_within.", "scraper")
	scraperSuccess = describe("scraper_last_success_timestamp_seconds", "When a run of a scraper last completed as expected; none: never.", "scraper")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

// collector reads every figure at each scrape.
type collector struct{ Sources }

func (s Sources) collector() prometheus.Collector { return collector{s} }

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, openStreams, endsWaiting, slotsOverdue, logDamaged, sealedUpTo, sealedAt, verifiedUpTo, verifiedAt, databaseUp, runsByStatus,
		runsOpen, logHead, liveInstances, groupPosition, groupLag, groupBehind, outagesOpen, noticesTotal,
		scraperUp, scraperFailing, scraperOverdue, scraperSuccess,
	} {
		descs <- d
	}
}

// emit is a figure of a scrape.
type emit func(d *prometheus.Desc, value float64, labels ...string)

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	c.ofInstance(gauge)
	c.Notices(func(channel, result string, n int64) {
		metrics <- prometheus.MustNewConstMetric(noticesTotal, prometheus.CounterValue, float64(n), channel, result)
	})
	figures, err := c.read()
	if err != nil {
		c.Logger.Warn("reading the database's metrics failed, leaving them out", "error", err)
		gauge(databaseUp, 0)
		return
	}
	gauge(databaseUp, 1)
	figures.emit(gauge)
}

// ofInstance emits what needs no database.
func (c collector) ofInstance(gauge emit) {
	gauge(buildInfo, 1, c.Version, runtime.Version())
	for kind, open := range c.Streams() {
		gauge(openStreams, float64(open), kind)
	}
	ends, slots := c.Waiting()
	gauge(endsWaiting, float64(ends))
	gauge(slotsOverdue, float64(slots))
	sealing, damaged := c.Sealing(), 0.
	good, damage := c.Verified()
	if sealing.Refused != "" || damage != "" || len(c.Wrong()) > 0 {
		damaged = 1
	}
	gauge(logDamaged, damaged)
	gauge(sealedUpTo, float64(sealing.Sealed))
	gauge(sealedAt, unixOrZero(sealing.CheckedAt))
	gauge(verifiedUpTo, float64(good.UpTo))
	gauge(verifiedAt, unixOrZero(good.At))
}

// figures are those of the database. They are read before any is emitted, so that a
// scrape has all or none.
type figures struct {
	head      int64
	counts    projections.Counts
	groups    []feed.Group
	instances int
	outages   int
	scrapers  []projections.Vitals
}

func (c collector) read() (f figures, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if f.head, err = c.Head(ctx); err != nil {
		return f, err
	}
	if f.counts, err = c.Counts(ctx); err != nil {
		return f, err
	}
	if f.groups, err = c.Groups(ctx); err != nil {
		return f, err
	}
	relays, err := c.Relays(ctx)
	if err != nil {
		return f, err
	}
	f.groups = append(f.groups, relays...)
	if f.outages, err = c.Outages(ctx); err != nil {
		return f, err
	}
	if f.instances, err = c.Instances(ctx); err != nil || !c.PerScraper {
		return f, err
	}
	f.scrapers, err = c.Vitals(ctx)
	return f, err
}

func (f figures) emit(gauge emit) {
	gauge(logHead, float64(f.head))
	gauge(runsOpen, float64(f.counts[domain.StatusRunning]))
	for _, status := range domain.Statuses {
		gauge(runsByStatus, float64(f.counts[status]), string(status))
	}
	gauge(liveInstances, float64(f.instances))
	gauge(outagesOpen, float64(f.outages))
	for _, g := range f.groups {
		gauge(groupPosition, float64(g.Position), g.Name)
		gauge(groupLag, float64(g.Lag), g.Name)
		gauge(groupBehind, g.Behind.Seconds(), g.Name)
	}
	for _, s := range f.scrapers {
		gauge(scraperUp, truth(!s.Lost), s.Name)
		gauge(scraperFailing, truth(s.Failing), s.Name)
		gauge(scraperOverdue, truth(!s.Overdue.IsZero()), s.Name)
		if !s.LastSuccess.IsZero() {
			gauge(scraperSuccess, unix(s.LastSuccess), s.Name)
		}
	}
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unixOrZero is unix, and 0 for a time that is not set.
func unixOrZero(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return unix(t)
}
