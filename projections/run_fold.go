package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var runTypes = []string{
	domain.RunStarted{}.EventType(), domain.ConnectionLost{}.EventType(), domain.ConnectionRestored{}.EventType(),
	domain.RunCompleted{}.EventType(), domain.RunFailed{}.EventType(), domain.RunCancelled{}.EventType(),
}

// runFold fills runs and run_counts.
type runFold struct {
	place
	runs    rows[uuid.UUID, Run, *Run]
	counts  map[domain.RunStatus]int64                                     // what is to be added; in memory, what there is
	counted func(status domain.RunStatus, before, after int64, known bool) // told of every change; may be nil
}

func newRunFold(at place) folder {
	return &runFold{place: at, runs: newRows[uuid.UUID, Run, *Run](at, "runs"), counts: map[domain.RunStatus]int64{}}
}

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
	return f.runs.load(ctx, runs)
}

func (f *runFold) apply(ctx context.Context, position int64, e domain.Event) error {
	about, ok := e.(domain.RunEvent)
	if !ok {
		return nil
	}
	runID := e.Run()
	started, starts := e.(domain.RunStarted)
	before, err := f.before(ctx, runID, starts)
	if err != nil || before.Position >= position || (before.Status == "") != starts {
		return err // a run starts once, and before all else
	}
	after := before.evolve(position, about)
	f.runs.put(runID, after)
	f.count(before.Status, after.Status)
	if !starts || started.Recovers == uuid.Nil {
		return nil
	}
	return f.link(ctx, position, started)
}

// before is the run as it stands; the zero Run if it is not known. A run starts
// once, so fresh tables are not asked about one that does.
func (f *runFold) before(ctx context.Context, runID uuid.UUID, starts bool) (Run, error) {
	if starts && f.fresh() {
		return Run{}, nil
	}
	r, _, err := f.runs.get(ctx, runID)
	return r, err
}

// link tells the lost run which run stands in for it.
func (f *runFold) link(ctx context.Context, position int64, by domain.RunStarted) error {
	lost, known, err := f.runs.get(ctx, by.Recovers)
	if err == nil && known {
		f.runs.put(by.Recovers, lost.recovered(position, by))
	}
	return err
}

func (f *runFold) count(before, after domain.RunStatus) {
	if before == after {
		return
	}
	if before != "" {
		f.add(before, -1)
	}
	f.add(after, 1)
}

func (f *runFold) add(status domain.RunStatus, n int64) {
	before, known := f.counts[status]
	if f.counted != nil {
		f.counted(status, before, before+n, known)
	}
	f.counts[status] = before + n
}

func (f *runFold) flush(ctx context.Context) error {
	if err := f.runs.flush(ctx); err != nil {
		return err
	}
	for _, status := range domain.Statuses {
		n, touched := f.counts[status]
		if !touched {
			continue
		}
		if _, err := f.ExecContext(ctx, f.statement("run_counts.add"), string(status), n); err != nil {
			return fmt.Errorf("run_counts: %w", err)
		}
	}
	clear(f.counts)
	return nil
}

// evolve returns the run after e, the event at the given position. It never refuses.
func (r Run) evolve(position int64, e domain.RunEvent) Run {
	switch e := e.(type) {
	case domain.RunStarted:
		r = Run{
			ID: e.RunID, Scraper: e.Scraper, Status: domain.StatusRunning, Trigger: e.Trigger, Watcher: e.Watcher,
			StartedAt: stored(e.At), DueAt: stored(e.DueAt), Recovers: e.Recovers, Instance: e.Instance,
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
		r.Items, r.DurationMS, r.Note = &e.Items, &e.DurationMS, e.Note
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
	r.Status, r.EndedAt = status, stored(at)
	duration := max(0, r.EndedAt.Sub(r.StartedAt).Milliseconds())
	r.DurationMS = &duration
	return r
}

// recovered returns the lost run after the start of the run that stands in for it.
func (r Run) recovered(position int64, by domain.RunStarted) Run {
	r.RecoveredBy, r.Position = by.RunID, position
	return r
}

// stored is a time as a row can hold it. What a fold computes from a time must
// be the same whether the time came from an event or from a row.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// shown is the run as queries return it.
func (r *Run) shown(time.Time) any { return *r }

// columns lists the row in the order of runs.create.sql.
func (r *Run) columns() []any {
	return []any{
		id{&r.ID}, text[string]{&r.Scraper}, text[domain.RunStatus]{&r.Status}, text[domain.Trigger]{&r.Trigger},
		text[string]{&r.Watcher}, text[domain.Link]{&r.Link}, micros{&r.StartedAt}, micros{&r.EndedAt}, maybe{&r.DurationMS},
		text[domain.Cause]{&r.Cause}, text[domain.Phase]{&r.Phase}, text[string]{&r.Detail}, text[domain.FailureCode]{&r.Code},
		maybe{&r.Items}, id{&r.Recovers}, id{&r.RecoveredBy}, text[string]{&r.Instance},
		number[int64]{&r.Position}, number[int64]{&r.StartPosition}, micros{&r.DueAt}, micros{&r.LastHeardAt},
		number[int64]{&r.Received.Events}, number[int64]{&r.Received.Bytes}, micros{&r.RestoredAt}, maybe{&r.DownForMS},
		text[domain.NoticedBy]{&r.NoticedBy}, number[int]{&r.HTTPStatus},
		text[string]{&r.CancelledBy}, text[string]{&r.CancelReason}, text[json.RawMessage]{&r.Params},
		text[string]{&r.LastEvent}, text[string]{&r.Note}, tail{&r.ID},
	}
}
