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
}

// Handler handles commands. Fields are required unless marked optional.
type Handler struct {
	Log      Log
	Instance func() string                             // the instance in the metadata
	Follower func(ctx context.Context) (string, error) // the instance that is to follow a new run
	Now      func() time.Time                          // when a command without a time happens
	Logger   *slog.Logger

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
		recorded, err := h.decide(ctx, c, by)
		if errors.Is(err, eventstore.ErrConflict) {
			continue
		}
		return recorded, err
	}
	return nil, fmt.Errorf("%T met other appends %d times: %w", c, attempts, eventstore.ErrConflict)
}

// stamp returns at, or the present time if at is zero, as the log keeps it: to the
// microsecond, in UTC.
func (h *Handler) stamp(at time.Time) time.Time {
	if at.IsZero() {
		at = h.Now()
	}
	return at.UTC().Truncate(time.Microsecond)
}

func (h *Handler) decide(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	switch c := c.(type) {
	case domain.StartScrape:
		return h.start(ctx, c, by)
	case domain.ScraperCommand:
		return h.toScraper(ctx, c, by)
	case domain.RunCommand:
		return h.toRun(ctx, c, by)
	default:
		return nil, fmt.Errorf("%w: no handler for %T", domain.ErrInvalid, c)
	}
}

// toScraper handles the commands that change a scraper itself.
func (h *Handler) toScraper(ctx context.Context, c domain.ScraperCommand, by domain.Origin) ([]eventstore.Recorded, error) {
	if configure, is := c.(domain.ConfigureScraper); is && configure.Source != domain.SourceFile {
		if err := h.secrets().Check(configure.Config); err != nil {
			return nil, err
		}
	}
	scraper, version, err := h.Log.Scraper(ctx, c.ScraperName())
	if err != nil {
		return nil, err
	}
	events, err := scraper.Decide(c, by.At)
	if err != nil {
		return nil, err
	}
	recorded, err := h.append(ctx, eventstore.Append{Expected: version, Guard: guardOf(scraper, c.ScraperName())}, events, by)
	h.tell(ctx, domain.Fact{}, recorded)
	return recorded, err
}

func (h *Handler) secrets() domain.Secrets {
	if h.Secrets == nil {
		return nil
	}
	return h.Secrets()
}

// start handles StartScrape, which ends in the new run's stream, or leaves its
// trace in the scraper's. A run id that is known already has been handled.
func (h *Handler) start(ctx context.Context, c domain.StartScrape, by domain.Origin) ([]eventstore.Recorded, error) {
	if c.RunID == uuid.Nil {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("run id: %w", err)
		}
		c.RunID = id
	} else if known, err := h.Log.ReadStream(ctx, domain.RunStream(c.RunID), 0); err != nil || len(known) > 0 {
		return nil, err
	}
	scraper, version, err := h.Log.Scraper(ctx, c.Scraper)
	if err != nil {
		return nil, err
	}
	c, due, err := h.completed(ctx, c, scraper)
	if err != nil {
		return nil, err
	}
	events, err := scraper.Decide(c, by.At)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	if events[0].Stream() != domain.ScraperStream(c.Scraper) {
		version = 0
	}
	recorded, err := h.append(ctx, eventstore.Append{Expected: version, Guard: guardOf(scraper, c.Scraper)}, events, by)
	h.tell(ctx, domain.Fact{Due: due}, recorded)
	return recorded, err
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
func (h *Handler) toRun(ctx context.Context, c domain.RunCommand, by domain.Origin) ([]eventstore.Recorded, error) {
	run, history, err := h.run(ctx, c.Run())
	if err != nil {
		return nil, err
	}
	change := eventstore.Append{Expected: int64(len(history))}
	if restored, ok := c.(domain.ReportConnectionRestored); ok {
		guard, err := h.Log.Guard(ctx, run.Scraper)
		if err != nil {
			return nil, err
		}
		restored.Superseded = guard.LostRun != run.ID
		c, change.Guard = restored, &guard
	}
	events, err := run.Decide(c, by.At)
	if err != nil {
		return nil, err
	}
	recorded, err := h.append(ctx, change, events, h.partOf(history, by))
	h.tell(ctx, domain.Fact{Run: run, Caller: history[0].Metadata["traceparent"]}, recorded)
	return recorded, err
}

// tell logs and observes the events that followed from a command, once they are
// committed. fact is what is known beside them.
func (h *Handler) tell(ctx context.Context, fact domain.Fact, recorded []eventstore.Recorded) {
	for _, r := range recorded {
		e, err := r.Event()
		if err != nil {
			continue
		}
		fact := fact
		fact.Event, fact.RecordedAt = e, r.RecordedAt
		eventstore.AfterCommit(ctx, func() {
			h.logEvent(ctx, fact.Run, r.Position, e)
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
	var run domain.Run
	for _, recorded := range history {
		e, err := recorded.Event()
		if err != nil {
			return domain.Run{}, nil, err
		}
		if e != nil {
			run = run.Evolve(e)
		}
	}
	return run, history, nil
}

// partOf gives a run's later events its correlation and, unless the command names a
// cause, the run's last event as their cause.
func (h *Handler) partOf(history []eventstore.Recorded, by domain.Origin) domain.Origin {
	if len(history) == 0 {
		return by
	}
	if by.Correlation == "" {
		by.Correlation = history[0].Metadata["correlation_id"]
	}
	if by.Causation == uuid.Nil {
		by.Causation = history[len(history)-1].ID
	}
	return by
}

func (h *Handler) append(ctx context.Context, change eventstore.Append, events []domain.Event, by domain.Origin) ([]eventstore.Recorded, error) {
	if len(events) == 0 {
		return nil, nil
	}
	change.Stream = events[0].Stream()
	for _, e := range events {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("event id: %w", err)
		}
		change.Events = append(change.Events, eventstore.NewEvent{ID: id, Event: e, Metadata: h.metadata(id, e.Run(), by)})
	}
	began := time.Now()
	recorded, err := h.Log.Append(ctx, change)
	if _, joined := eventstore.TxFrom(ctx); err == nil && !joined && h.Appended != nil {
		h.Appended(time.Since(began))
	}
	return recorded, err
}

// metadata returns the metadata of an event. The trace of an event that no request led
// to is that of its run.
func (h *Handler) metadata(id, run uuid.UUID, by domain.Origin) eventstore.Metadata {
	m := eventstore.Metadata{"actor": by.Actor, "instance": h.Instance(), "correlation_id": by.Correlation}
	if by.Correlation == "" {
		m["correlation_id"] = id.String()
	}
	if by.Causation != uuid.Nil {
		m["causation_id"] = by.Causation.String()
	}
	if traceparent := domain.Traceparent(by.Traceparent); traceparent != "" {
		m["traceparent"] = traceparent
	} else if run != uuid.Nil {
		m["traceparent"] = domain.RunTraceparent(run)
	}
	return m
}

// guardOf returns the guard that a decision is based on; for a scraper that was never
// configured, the zero guard with its name.
func guardOf(s domain.Scraper, name string) *domain.Guard {
	guard := s.Guard
	guard.Scraper = name
	return &guard
}
