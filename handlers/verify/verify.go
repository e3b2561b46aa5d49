// Package verify has one instance verify the log from time to time, and records what it
// found.
package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

const (
	// wholeAfter is how old the last verification of the whole log may be.
	wholeAfter = 7 * 24 * time.Hour
	// calm keeps a verification that is due from the first minutes of a process.
	calm = 10 * time.Minute
	// lookEvery is how often the log is asked whether another instance has verified it.
	lookEvery = time.Minute
	// Finding is the kind under which a result is kept for the page.
	Finding = "verify"
)

// Verifier verifies the log. The fields are required.
type Verifier struct {
	Log   *eventstore.Store
	Files func() proof.Files
	Every time.Duration                           // 0: never
	Mine  func(ctx context.Context) (bool, error) // whether it is for this instance to do
	// Witnesses are those whose signatures are looked at.
	Witnesses []proof.Witness
	Logger    *slog.Logger

	mu   sync.Mutex
	last domain.LogVerified
	good domain.LogVerified
}

// Last returns the last verification that the log records; the zero value: none is known.
func (v *Verifier) Last() domain.LogVerified {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

// Good returns the last verification that found the log to be as it was signed; the zero
// value: none is known.
func (v *Verifier) Good() domain.LogVerified {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.good
}

// keep remembers a verification as the last one.
func (v *Verifier) keep(last domain.LogVerified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = last
	if last.Result == domain.LogIntact {
		v.good = last
	}
}

// looked is how many verifications are looked at for the last good one.
const looked = 400

// Begin reads the last verification and the last good one, which other processes may have
// done.
func (v *Verifier) Begin(ctx context.Context) error {
	recorded, err := v.Log.Read(ctx, eventstore.Query{Types: []string{domain.LogVerified{}.EventType()}, Backward: true, Limit: looked})
	if err != nil {
		return err
	}
	for _, r := range slices.Backward(recorded) {
		if err := v.see(r); err != nil {
			return err
		}
	}
	return nil
}

// Damage returns what the last verification found to be wrong; empty: nothing.
func (v *Verifier) Damage() string {
	if last := v.Last(); last.Result == domain.LogDamaged {
		return cmp.Or(last.Says, "the log is damaged")
	}
	return ""
}

// Run verifies the log whenever that is due, until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	begun := time.Now()
	for {
		wait := lookEvery
		due, err := v.due(ctx, begun)
		if err == nil && v.Every > 0 {
			wait = min(wait, time.Until(due))
		}
		if err == nil && v.Every > 0 && wait <= 0 {
			if err = v.turn(ctx); err == nil {
				continue
			}
			wait = lookEvery
		}
		if err != nil && ctx.Err() == nil {
			v.Logger.Warn("the log could not be verified; it will be tried again", "error", err)
		}
		if !eventstore.Pause(ctx, max(wait, time.Second)) {
			return nil
		}
	}
}

// due reads the last verification, and returns when the next one is due: an interval after
// the last one or, if there is none, after the first event of the log.
func (v *Verifier) due(ctx context.Context, begun time.Time) (time.Time, error) {
	newest, err := v.Log.Read(ctx, eventstore.Query{Types: []string{domain.LogVerified{}.EventType()}, Backward: true, Limit: 1})
	if err != nil {
		return time.Time{}, err
	}
	from := begun
	if len(newest) > 0 {
		if err := v.see(newest[0]); err != nil {
			return time.Time{}, err
		}
		from = newest[0].RecordedAt
	} else if first, err := v.Log.Read(ctx, eventstore.Query{Limit: 1}); err != nil {
		return time.Time{}, err
	} else if len(first) > 0 {
		from = first[0].RecordedAt
	}
	due, calmed := from.Add(v.Every), begun.Add(min(v.Every, calm))
	if due.Before(calmed) {
		due = calmed
	}
	return due, nil
}

func (v *Verifier) see(r eventstore.Recorded) error {
	e, err := r.Event()
	if err != nil {
		return err
	}
	if last, ok := e.(domain.LogVerified); ok {
		v.keep(last)
	}
	return nil
}

// turn verifies the log if that is for this instance to do.
func (v *Verifier) turn(ctx context.Context) error {
	mine, err := v.Mine(ctx)
	if err != nil {
		return err
	}
	if !mine {
		eventstore.Pause(ctx, time.Second)
		return ctx.Err()
	}
	_, err = v.Verify(ctx, false, nil)
	return err
}

// Verify verifies the log now: all of it, or as much as is due. It records the result as
// an event, and keeps it for the page.
func (v *Verifier) Verify(ctx context.Context, whole bool, progress func(done, all int64)) (proof.Result, error) {
	options := proof.Options{Files: v.Files(), Recent: !whole && time.Since(proof.WholeAt(v.Files())) < wholeAfter, Keep: true, Guards: true, Witnesses: v.Witnesses}
	result, err := proof.Verify(ctx, v.Log, options, progress)
	if err != nil {
		return result, err
	}
	recorded, err := proof.Record(ctx, v.Log, result)
	if err != nil {
		return result, err
	}
	v.keep(recorded)
	if result.Verdict == proof.Damaged {
		v.Logger.ErrorContext(ctx, "the log was verified and is damaged", "position", result.Sealed, "reason", result.Text())
	} else {
		v.Logger.InfoContext(ctx, "the log was verified", "position", result.Sealed, "result", string(result.Verdict), "took", time.Duration(result.TookMS)*time.Millisecond)
	}
	kept, err := json.Marshal(result)
	if err != nil {
		return result, err
	}
	return result, v.Log.KeepFinding(ctx, eventstore.Finding{Kind: Finding, At: recorded.At, Result: kept})
}
