// Package command is the only writer of the log. It loads the state that a decision
// needs, lets the domain decide, and appends the events at the version and the guard
// that the decision was based on. If another append came first, it decides again.
package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Log is the part of the event store that commands need. Every method joins the
// transaction in ctx when there is one.
type Log interface {
	Append(context.Context, eventstore.Append) ([]eventstore.Recorded, error)
	ReadStream(ctx context.Context, stream string, afterVersion int64) ([]eventstore.Recorded, error)
	Scraper(ctx context.Context, name string) (domain.Scraper, int64, error)
	Guard(ctx context.Context, scraper string) (domain.Guard, error)

	// The same for many at once.
	AppendAll(context.Context, []eventstore.Append) []eventstore.Appended
	ReadStreams(ctx context.Context, streams []string) (map[string][]eventstore.Recorded, error)
	Scrapers(ctx context.Context, names []string) (map[string]eventstore.ScraperState, error)
	GuardsOf(ctx context.Context, scrapers []string) (map[string]domain.Guard, error)
}

// Handler handles commands. Fields are required unless marked optional.
type Handler struct {
	Log      Log
	Instance func() string                             // the instance in the metadata
	Follower func(ctx context.Context) (string, error) // the instance that is to follow a new run
	Now      func() time.Time                          // when a command without a time happens
	Logger   *slog.Logger
	Lines    *Lines // bounds the lines of losses and returns. Optional: each has its line

	// Secrets returns the variables that scrapers made through the API may name.
	// Optional: none.
	Secrets func() domain.Secrets

	// Observe is called with each event of a run or scraper, once it
	// is committed. It MUST NOT block. Optional.
	Observe func(domain.Fact)
	// Traced adds the trace id of a run to the lines about it.
	Traced bool
	// Appended is called with the time that each append took, in a transaction of its
	// own. Optional.
	Appended func(took time.Duration)

	// Streak returns how the runs of a scraper were lost, up to a position of the
	// log. It is for the log line of a loss. Optional: the line does not say.
	Streak func(ctx context.Context, scraper string) (s domain.Streak, upTo int64, err error)
}

// attempts bounds how often a command is decided. Under the log's lock the second
// decision sees the append that the first conflicted with, so two usually suffice.
const attempts = 16

// Handle decides c and appends the events that follow. No events and no error mean
// that the state is already the requested one. A refusal wraps one of domain's errors.
func (h *Handler) Handle(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	by.At = h.stamp(by.At)
	for range attempts {
		d, err := h.decide(ctx, c, by)
		if err != nil || len(d.change.Events) == 0 {
			return nil, err
		}
		began := time.Now()
		recorded, err := h.Log.Append(ctx, d.change)
		if errors.Is(err, eventstore.ErrConflict) {
			continue
		}
		h.done(ctx, d, recorded, err, began)
		return recorded, err
	}
	return nil, overtaken(c)
}

func overtaken(c domain.Command) error {
	return fmt.Errorf("%T met other appends %d times: %w", c, attempts, eventstore.ErrConflict)
}

// stamp returns at, or the present time if at is zero, as the log keeps it: to the
// microsecond, in UTC.
func (h *Handler) stamp(at time.Time) time.Time {
	if at.IsZero() {
		at = h.Now()
	}
	return at.UTC().Truncate(time.Microsecond)
}

// decision is what a command comes to.
type decision struct {
	change eventstore.Append // without events: the state is already the requested one
	fact   domain.Fact       // what is known beside the events
}

func (h *Handler) decide(ctx context.Context, c domain.Command, by domain.Origin) (decision, error) {
	switch c := c.(type) {
	case domain.StartScrape:
		return h.start(ctx, c, by)
	case domain.ScraperCommand:
		return h.toScraper(ctx, c, by)
	case domain.RunCommand:
		return h.toRun(ctx, c, by)
	default:
		return decision{}, fmt.Errorf("%w: no handler for %T", domain.ErrInvalid, c)
	}
}

// toScraper handles the commands that change a scraper itself.
func (h *Handler) toScraper(ctx context.Context, c domain.ScraperCommand, by domain.Origin) (d decision, err error) {
	if configure, is := c.(domain.ConfigureScraper); is && configure.Source != domain.SourceFile {
		if err := h.secrets().Check(configure.Config); err != nil {
			return d, err
		}
	}
	scraper, version, err := h.Log.Scraper(ctx, c.ScraperName())
	if err != nil {
		return d, err
	}
	events, err := scraper.Decide(c, by.At)
	if err != nil {
		return d, err
	}
	d.change = eventstore.Append{Expected: version, Guard: guardOf(scraper, c.ScraperName())}
	return h.record(d, events, by)
}

func (h *Handler) secrets() domain.Secrets {
	if h.Secrets == nil {
		return nil
	}
	return h.Secrets()
}

// start handles StartScrape, which ends in the new run's stream, or leaves its
// trace in the scraper's. A run id that is known already has been handled.
func (h *Handler) start(ctx context.Context, c domain.StartScrape, by domain.Origin) (d decision, err error) {
	if c.RunID == uuid.Nil {
		if c.RunID, err = uuid.NewV7(); err != nil {
			return d, fmt.Errorf("run id: %w", err)
		}
	} else if known, err := h.Log.ReadStream(ctx, domain.RunStream(c.RunID), 0); err != nil || len(known) > 0 {
		return d, err
	}
	scraper, version, err := h.Log.Scraper(ctx, c.Scraper)
	if err != nil {
		return d, err
	}
	if c, d.fact.Due, err = h.completed(ctx, c, scraper); err != nil {
		return d, err
	}
	events, err := scraper.Decide(c, by.At)
	if err != nil || len(events) == 0 {
		return d, err
	}
	if events[0].Stream() != domain.ScraperStream(c.Scraper) {
		version = 0
	}
	d.change = eventstore.Append{Expected: version, Guard: guardOf(scraper, c.Scraper)}
	return h.record(d, events, by)
}

// completed fills in the instance that follows the run, and the values that a
// recovery run inherits from the run it recovers. due is when the run should start;
// zero: it was asked for.
func (h *Handler) completed(ctx context.Context, c domain.StartScrape, s domain.Scraper) (_ domain.StartScrape, due time.Time, err error) {
	if c.Instance == "" {
		if c.Instance, err = h.Follower(ctx); err != nil {
			return c, due, err
		}
	}
	switch {
	case c.Trigger == domain.TriggerSchedule:
		due = s.Config.Jittered(c.DueAt)
	case c.Trigger == domain.TriggerRecovery && s.LostRun != uuid.Nil:
		var lost domain.Run
		lost, _, err = h.run(ctx, s.LostRun)
		c.Watcher, c.Params, due = lost.Watcher, lost.Params, lost.RestoredAt
	}
	return c, due, err
}

// toRun handles the commands about a run that has started.
func (h *Handler) toRun(ctx context.Context, c domain.RunCommand, by domain.Origin) (d decision, err error) {
	run, history, err := h.run(ctx, c.Run())
	if err != nil {
		return d, err
	}
	d.change = eventstore.Append{Expected: int64(len(history))}
	if restored, ok := c.(domain.ReportConnectionRestored); ok {
		guard, err := h.Log.Guard(ctx, run.Scraper)
		if err != nil {
			return d, err
		}
		restored.Superseded = guard.LostRun != run.ID
		c, d.change.Guard = restored, &guard
	}
	events, err := run.Decide(c, by.At)
	if err != nil {
		return d, err
	}
	d.fact = domain.Fact{Run: run, Caller: history[0].Metadata["traceparent"]}
	return h.record(d, events, h.partOf(history, by))
}

// done logs and observes what an append has recorded, once it is committed.
func (h *Handler) done(ctx context.Context, d decision, recorded []eventstore.Recorded, err error, began time.Time) {
	if _, joined := eventstore.TxFrom(ctx); err == nil && !joined && h.Appended != nil {
		h.Appended(time.Since(began))
	}
	for i, r := range recorded {
		fact := d.fact
		fact.Event, fact.RecordedAt = d.change.Events[i].Event, r.RecordedAt
		eventstore.AfterCommit(ctx, func() {
			h.logEvent(ctx, fact.Run, r.Position, fact.Event)
			if h.Observe != nil {
				h.Observe(fact)
			}
		})
	}
}

// Run returns a run from the log, and the zero Run if the log has no such run.
func (h *Handler) Run(ctx context.Context, id uuid.UUID) (domain.Run, error) {
	run, _, err := h.run(ctx, id)
	return run, err
}

func (h *Handler) run(ctx context.Context, id uuid.UUID) (domain.Run, []eventstore.Recorded, error) {
	history, err := h.Log.ReadStream(ctx, domain.RunStream(id), 0)
	if err != nil {
		return domain.Run{}, nil, err
	}
	run, err := runOf(history)
	if err != nil {
		return domain.Run{}, nil, err
	}
	return run, history, nil
}

// runOf returns the run of a stream, and the zero Run if it has no events.
func runOf(history []eventstore.Recorded) (run domain.Run, err error) {
	for _, recorded := range history {
		e, err := recorded.Event()
		if err != nil {
			return domain.Run{}, err
		}
		if e != nil {
			run = run.Evolve(e)
		}
	}
	return run, nil
}
