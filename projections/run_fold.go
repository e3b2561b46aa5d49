package projections

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var runProjection = Projection{
	name: "runs", version: 3, types: domain.RunEventTypes, fold: newRunFold,
	tables: []table{runsTable, runCountsTable},
}

// runFold fills runs and run_counts.
type runFold struct {
	place
	runs   rows[uuid.UUID, Run, *Run]
	counts rows[domain.RunStatus, runCount, *runCount]
}

func newRunFold(at place) folder {
	return &runFold{at, newRows[uuid.UUID, Run, *Run](at, runsTable), newRows[domain.RunStatus, runCount, *runCount](at, runCountsTable)}
}

func (f *runFold) tables() []tableRows { return []tableRows{&f.runs, &f.counts} }

func (f *runFold) load(ctx context.Context, events []event) error {
	var runs []uuid.UUID
	begun := map[uuid.UUID]struct{}{} // of which fresh tables know nothing
	for _, e := range events {
		started, starts := e.Event.(domain.RunStarted)
		if starts && f.fresh() {
			begun[started.RunID] = struct{}{}
		}
		for _, run := range []uuid.UUID{e.Event.Run(), started.Recovers} {
			if _, fresh := begun[run]; !fresh && run != uuid.Nil {
				runs = append(runs, run)
			}
		}
	}
	if err := f.counts.load(ctx, domain.Statuses[:]); err != nil {
		return err
	}
	return f.runs.load(ctx, runs)
}

func (f *runFold) apply(ctx context.Context, e event) error {
	about, ok := e.Event.(domain.RunEvent)
	if !ok {
		return nil
	}
	runID := e.Run()
	started, starts := e.Event.(domain.RunStarted)
	before, err := f.before(ctx, runID, starts)
	if err != nil || before.Position >= e.position || (before.Status == "") != starts {
		return err // a run starts once, and before all else
	}
	after := before.evolve(e.position, about)
	f.runs.put(runID, after)
	if err := f.count(ctx, before.Status, after.Status); err != nil {
		return err
	}
	if !starts || started.Recovers == uuid.Nil {
		return nil
	}
	return f.link(ctx, e.position, started)
}

// before returns the present row of a run; the zero Run if there is none. A run starts
// once, so fresh tables are not asked for one that starts.
func (f *runFold) before(ctx context.Context, runID uuid.UUID, starts bool) (Run, error) {
	if starts && f.fresh() {
		return Run{}, nil
	}
	r, _, err := f.runs.get(ctx, runID)
	return r, err
}

// link records in the lost run which run recovers it.
func (f *runFold) link(ctx context.Context, position int64, by domain.RunStarted) error {
	lost, known, err := f.runs.get(ctx, by.Recovers)
	if err == nil && known {
		f.runs.put(by.Recovers, lost.recovered(position, by))
	}
	return err
}

// count moves a run from one status to another; before is empty for one that starts.
func (f *runFold) count(ctx context.Context, before, after domain.RunStatus) error {
	if before == after {
		return nil
	}
	if err := f.add(ctx, after, 1); err != nil || before == "" {
		return err
	}
	return f.add(ctx, before, -1)
}

func (f *runFold) add(ctx context.Context, status domain.RunStatus, n int64) error {
	c, _, err := f.counts.get(ctx, status)
	if err == nil {
		f.counts.put(status, runCount{status, c.runs + n})
	}
	return err
}

// runCount is how many runs have a status.
type runCount struct {
	status domain.RunStatus
	runs   int64
}

func (c *runCount) shown(time.Time) any { return nil }

func (c *runCount) columns() []column {
	return []column{{"status", text[domain.RunStatus]{&c.status}, 0}, {"runs", number[int64]{&c.runs}, 0}}
}

var runCountsTable = table{name: "run_counts", columns: (&runCount{}).columns()}

// evolve returns the run after e, the event at the given position. It never refuses.
func (r Run) evolve(position int64, e domain.RunEvent) Run {
	switch e := e.(type) {
	case domain.RunStarted:
		r = Run{
			ID: e.RunID, Scraper: e.Scraper, Status: domain.StatusRunning, Trigger: e.Trigger, Watcher: e.Watcher,
			StartedAt: Time{stored(e.At)}, DueAt: stored(e.DueAt), Recovers: e.Recovers, Instance: e.Instance,
			Params: e.Params, StartPosition: position,
		}
	case domain.ConnectionLost:
		r = r.end(domain.StatusConnectionFailed, e.At)
		r.Link, r.Phase, r.Cause, r.Detail = e.Link, e.Phase, e.Cause, e.Detail
		r.LastHeardAt, r.LastEvent, r.Received = stored(e.LastHeardAt), e.LastEvent, e.Received
	case domain.ConnectionRestored:
		r.RestoredAt, r.DownForMS, r.NoticedBy = stored(e.At), &e.DownForMS, e.NoticedBy
	case domain.RunCompleted:
		r = r.end(domain.StatusCompleted, e.At)
		r.Items, r.DurationMS, r.Note, r.MinItems = &e.Items, &e.DurationMS, e.Note, e.MinItems
	case domain.RunFailed:
		r = r.end(domain.StatusFailed, e.At)
		r.Code, r.Detail, r.HTTPStatus = e.Code, e.Detail, e.HTTPStatus
	case domain.RunCancelled:
		r = r.end(domain.StatusCancelled, e.At)
		r.CancelledBy, r.CancelReason = e.By, e.Reason
	}
	r.Position = position
	return r
}

func (r Run) end(status domain.RunStatus, at time.Time) Run {
	r.Status, r.EndedAt = status, Time{stored(at)}
	duration := max(0, r.EndedAt.Sub(r.StartedAt.Time).Milliseconds())
	r.DurationMS = &duration
	return r
}

// recovered returns the lost run after the start of its recovery run.
func (r Run) recovered(position int64, by domain.RunStarted) Run {
	r.RecoveredBy, r.Position = by.RunID, position
	return r
}

// stored returns a time as a row can hold it. A fold must compute the same from a time
// of an event and from a time of a row.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// shown returns the run as queries do.
func (r *Run) shown(time.Time) any { return *r }

// columns lists the columns in the order of the table.
func (r *Run) columns() []column {
	return []column{
		{"id", id{&r.ID}, 0},
		{"scraper", text[string]{&r.Scraper}, fixed},
		{"status", text[domain.RunStatus]{&r.Status}, 0},
		{"trigger", text[domain.Trigger]{&r.Trigger}, fixed},
		{"watcher", text[string]{&r.Watcher}, fixed},
		{"link", text[domain.Link]{&r.Link}, 0},
		{"started_at", micros{&r.StartedAt.Time}, required | fixed},
		{"ended_at", micros{&r.EndedAt.Time}, 0},
		{"duration_ms", maybe{&r.DurationMS}, 0},
		{"cause", text[domain.Cause]{&r.Cause}, 0},
		{"phase", text[domain.Phase]{&r.Phase}, 0},
		{"detail", text[string]{&r.Detail}, 0},
		{"code", text[domain.FailureCode]{&r.Code}, 0},
		{"items", maybe{&r.Items}, 0},
		{"recovers", id{&r.Recovers}, fixed},
		{"recovered_by", id{&r.RecoveredBy}, 0},
		{"instance", text[string]{&r.Instance}, fixed},
		{"position", number[int64]{&r.Position}, 0},
		{"started", number[int64]{&r.StartPosition}, fixed},
		{"due_at", micros{&r.DueAt}, fixed},
		{"last_heard_at", micros{&r.LastHeardAt}, 0},
		{"received_events", number[int64]{&r.Received.Events}, 0},
		{"received_bytes", number[int64]{&r.Received.Bytes}, 0},
		{"restored_at", micros{&r.RestoredAt}, 0},
		{"down_for_ms", maybe{&r.DownForMS}, 0},
		{"noticed_by", text[domain.NoticedBy]{&r.NoticedBy}, 0},
		{"http_status", number[int]{&r.HTTPStatus}, 0},
		{"cancelled_by", text[string]{&r.CancelledBy}, 0},
		{"cancel_reason", text[string]{&r.CancelReason}, 0},
		{"params", text[json.RawMessage]{&r.Params}, fixed},
		{"last_event", text[string]{&r.LastEvent}, 0},
		{"note", text[string]{&r.Note}, 0},
		{"tail", tail{&r.ID}, fixed},
		{"min_items", positive{&r.MinItems}, 0},
	}
}

// runsTable is the table of the rows.
var runsTable = table{name: "runs", columns: (&Run{}).columns(), indexes: []index{
	{"runs_newest", "(started_at, started)"},
	{"runs_status", "(status, trigger, started_at, started)"},
	{"runs_scraper", "(scraper, started_at, started)"},
	{"runs_scraper_status", "(scraper, status, trigger, started_at, started)"},
	{"runs_changed", "(position)"},
	{"runs_short", "(started_at, started) WHERE min_items IS NOT NULL"},
	{"runs_scraper_short", "(scraper, started_at, started) WHERE min_items IS NOT NULL"},
	{"runs_tail", "(tail)"},
}}
