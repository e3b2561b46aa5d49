package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"scrapelog/eventstore"
)

// Findings stores the results of verifications and replays: *eventstore.Store.
type Findings interface {
	KeepFinding(ctx context.Context, f eventstore.Finding) error
	LastFinding(ctx context.Context, kind string) (f eventstore.Finding, found bool, err error)
}

// The kinds of findings. Changing a name loses the stored result.
const (
	foundByVerify = "verify" // as in handlers/verify
	foundByReplay = "replay"
)

// keeping is a job that stores what it finds.
func keeping[R any](h *Handler, kind string, find func(ctx context.Context, progress func(done, all int64)) (R, error)) work {
	return func(ctx context.Context, progress func(done, all int64)) error {
		result, err := find(ctx, progress)
		if err != nil {
			return err
		}
		return h.keep(ctx, kind, result)
	}
}

// keep stores a job's result, for every instance and across restarts.
func (h *Handler) keep(ctx context.Context, kind string, result any) error {
	data, err := json.Marshal(result)
	if err == nil {
		err = h.cfg.Findings.KeepFinding(ctx, eventstore.Finding{Kind: kind, At: h.cfg.Now(), Result: data})
	}
	if err != nil {
		return fmt.Errorf("the result cannot be stored: %w", err)
	}
	return nil
}

// lastFound returns the last result of a kind of job, and when it was found; nil if there
// is none, or if another version of the program stored one that this one cannot read.
func lastFound[R any](ctx context.Context, h *Handler, kind string) (*R, time.Time, error) {
	f, found, err := h.cfg.Findings.LastFinding(ctx, kind)
	if err != nil || !found {
		return nil, time.Time{}, err
	}
	var result R
	reader := json.NewDecoder(bytes.NewReader(f.Result))
	reader.UseNumber() // of microseconds, say
	if reader.Decode(&result) != nil {
		return nil, time.Time{}, nil
	}
	return &result, f.At, nil
}
