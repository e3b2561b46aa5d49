// Package web serves the pages. Handlers parse a request, query the read models and
// render; the domain decides, and handlers/web/pages renders.
//
// Everything but the live updates works without JavaScript: actions are forms that
// answer with a redirect to the recorded event.
package web

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/live"
	"scrapelog/handlers/web/pages"
	"scrapelog/projections"
)

// Queries are the read models that pages show: *projections.Queries. The size of no
// answer grows with the number of runs or of scrapers.
type Queries interface {
	Runs(ctx context.Context, f projections.RunFilter) (projections.RunPage, error)
	Run(ctx context.Context, id uuid.UUID) (projections.Run, error)
	FindRun(ctx context.Context, field, part string) (uuid.UUID, error)
	Outages(ctx context.Context, f projections.OutageFilter) (projections.OutagePage, error)
	OutageDays(ctx context.Context, since time.Time) ([]projections.OutageDay, error)
	Outage(ctx context.Context, id uuid.UUID) (projections.Outage, error)
	FindOutage(ctx context.Context, field, part string) (uuid.UUID, error)
	RunsOfOutage(ctx context.Context, outage uuid.UUID, limit int) ([]projections.Run, error)
	Counts(ctx context.Context) (projections.Counts, error)
	CountsOf(ctx context.Context, f projections.RunFilter, most int) (projections.Counts, error)
	ScraperCounts(ctx context.Context) (projections.ScraperCounts, error)
	Losses(ctx context.Context) (projections.Losses, error)
	LaneSlots(ctx context.Context, scrapers []string, since time.Time, size time.Duration) (map[string][]projections.LaneSlot, error)
	LostScrapers(ctx context.Context, limit int) ([]projections.Scraper, error)
	OverdueScrapers(ctx context.Context, limit int) ([]projections.Scraper, error)
	PausedScrapers(ctx context.Context, limit int) ([]projections.Scraper, error)
	NextScrapers(ctx context.Context, limit int) ([]projections.Scraper, error)
	ScrapersFrom(ctx context.Context, name string, limit int) ([]projections.Scraper, error)
	ScrapersWith(ctx context.Context, words, name string, limit int) ([]projections.Scraper, error)
	LastRuns(ctx context.Context, scrapers []string, n int) (map[string][]projections.Run, error)
	ScraperNames(ctx context.Context, limit int) ([]string, error)
	Scraper(ctx context.Context, name string) (projections.Scraper, error)
	Search(ctx context.Context, text string, limit int) (projections.Found, error)
	LossesOf(ctx context.Context, scraper string, limit int) ([]projections.Loss, error)
	EventCounts(ctx context.Context, after int64) (map[string]int64, error)
}

// Events is the log as pages read it: *eventstore.Store.
type Events interface {
	Read(ctx context.Context, q eventstore.Query) ([]eventstore.Recorded, error)
	ByPosition(ctx context.Context, position int64) (eventstore.Recorded, error)
	ByID(ctx context.Context, id uuid.UUID) (eventstore.Recorded, error)
	Head(ctx context.Context) (int64, error)
	FirstSince(ctx context.Context, t time.Time) (position int64, err error)
}

// Subscriber is a hub whose messages were made by [Render]: *live.Hub.
type Subscriber interface {
	Subscribe(ctx context.Context, watcherID string) (<-chan live.Message, error)
}

// Notices are the notices of the log: *outbox.Outbox.
type Notices interface {
	List(ctx context.Context, f outbox.Filter) ([]outbox.Notice, error) // newest first
	GivenUp(ctx context.Context) (n int64, err error)
}

// Config holds the dependencies of the pages. All fields but Notices, Database, OpenTo, Streams and Now are
// required.
type Config struct {
	Queries Queries
	Events  Events
	Live    Subscriber

	// Groups returns the position of each consumer group.
	Groups func(ctx context.Context) ([]feed.Group, error)
	// Relays is Groups for those that pages do not wait for. Optional.
	Relays func(ctx context.Context) ([]feed.Group, error)
	// Instances returns the instances that serve the database, each with the first of its
	// runs.
	Instances func(ctx context.Context, runs int) ([]instances.Holding, error)
	// Away returns since when the database is away, and why; Refused since when the
	// configuration file is refused, and why. The zero time: it is not. nil: never.
	Away, Refused func() (since time.Time, why string)
	File          string // the configuration file; empty: there is none
	// Handle decides a command and records its events: handlers/command.
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	// WaitFor returns when a read model shows the log up to position.
	WaitFor func(ctx context.Context, name string, position int64) error
	// Heard is the last sign of life of an open run that this instance follows.
	Heard func(runID uuid.UUID) (time.Time, bool)
	// Waiting returns in words what the recovery of a lost scraper waits for: "waits for …".
	Waiting func(scraper string) (string, bool)
	// ProbeNow probes a scraper at once if it is lost.
	ProbeNow func(scraper string)

	// YAML writes a scraper's configuration as it stands in a file.
	YAML func(c domain.ScraperConfig) (string, error)

	// Rebuild rebuilds a read model from the log.
	Rebuild func(ctx context.Context, name string, progress func(done, head int64)) error
	// Audit proves the log, and Findings stores the results.
	Audit    Audit
	Findings Findings

	// Notices are what the channels are told; nil: there are none.
	Notices Notices
	// Database is as the command line names it, without a password; empty: pages do not know.
	Database string

	// OpenTo is the address that other machines reach without a login: each page warns
	// of it. Empty: there is none.
	OpenTo string

	// Access knows users and their sessions; nil: there are no logins.
	Access Accounts

	Streams *gate.Streams // bounds the streams of API and pages together; nil: unbounded

	Logger *slog.Logger
	Now    func() time.Time // time.Now
}

// Handler serves the pages. Its Run does the jobs that pages start and do not wait for.
type Handler struct {
	cfg     Config
	jobs    *jobs
	counted counted
	shared  shared
	started time.Time
}

// New makes a Handler. It panics if a required field is missing.
func New(cfg Config) *Handler {
	well := func() (time.Time, string) { return time.Time{}, "" }
	if cfg.Away == nil {
		cfg.Away = well
	}
	if cfg.Refused == nil {
		cfg.Refused = well
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Queries == nil || cfg.Events == nil || cfg.Live == nil || cfg.Groups == nil || cfg.Instances == nil || cfg.Handle == nil ||
		cfg.WaitFor == nil || cfg.Heard == nil || cfg.Waiting == nil || cfg.YAML == nil || cfg.Logger == nil ||
		cfg.Rebuild == nil || cfg.Findings == nil || cfg.Audit.State == nil || cfg.Audit.Verify == nil || cfg.Audit.Replay == nil || cfg.Audit.Prove == nil || cfg.Audit.Recent == nil {
		panic("web: a required field of Config is missing")
	}
	return &Handler{cfg: cfg, jobs: newJobs(), started: cfg.Now()}
}

// withHeard adds to each open run when it was last heard.
func (h *Handler) withHeard(runs ...projections.Run) []pages.Run {
	views := make([]pages.Run, len(runs))
	for i, r := range runs {
		views[i].Run = r
		if at, heard := h.cfg.Heard(r.ID); heard && r.Status == domain.StatusRunning {
			views[i].HeardAt = at
		}
	}
	return views
}

func (h *Handler) waiting(scraper string) string {
	words, _ := h.cfg.Waiting(scraper)
	return words
}
