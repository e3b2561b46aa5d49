package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"scrapelog/handlers/sse"
)

// Progress is sent in a burst and then at a pace; what comes faster is dropped,
// and the next one's counts cover it. A reader gives up on a stream past 256 MiB,
// which a talkative command would reach in minutes.
const (
	progressBurst = 100
	progressPace  = 200 * time.Millisecond
)

// stream writes a scrape's events to its client. Only the scrape's loop uses it.
type stream struct {
	w      *sse.Writer
	beats  *time.Ticker // the loop selects on it and calls beat
	budget budget
	note   string // how the scrape ended, for "completed"; empty: nothing to say
}

func openStream(w http.ResponseWriter, beat time.Duration) (*stream, error) {
	w.Header().Set("X-Scrape-Beat", fmt.Sprintf("%gs", beat.Seconds()))
	w.Header().Set("Connection", "close")
	s := &stream{w: sse.NewWriter(w)}
	if err := s.w.Open(); err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	s.beats = time.NewTicker(beat)
	return s, nil
}

func (s *stream) close() { s.beats.Stop() }

// An error of beat, progress or send is errGone.
func (s *stream) beat() error { return s.send("beat", struct{}{}) }

// progress sends v as JSON, or drops it when the budget is used up.
func (s *stream) progress(v any) error {
	if !s.budget.spend(time.Now()) {
		return nil
	}
	return s.send("progress", v)
}

func (s *stream) send(event string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := s.w.Send(event, "", data); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// The terminal events.
type (
	completed struct {
		Items int64  `json:"items"`
		Note  string `json:"note,omitempty"`
	}
	failed struct {
		Error string `json:"error"`
	}
)

// end sends the terminal event, unless the client has left. It returns the scrape's
// error, or errGone.
func (s *stream) end(items int64, err error) error {
	var sent error
	switch {
	case errors.Is(err, errGone):
	case err != nil:
		sent = s.send("failed", failed{fit(err.Error(), maxError)})
	default:
		sent = s.send("completed", completed{items, s.note})
	}
	if sent != nil {
		return sent
	}
	return err
}

// beatUntil beats until something comes from ready, or ready is closed. The error is why ctx
// ended, or that the client cannot be written to.
func beatUntil[T any](ctx context.Context, s *stream, ready <-chan T) error {
	for {
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.beats.C:
			if err := s.beat(); err != nil {
				return err
			}
		}
	}
}

// budget is a token bucket. Its zero value is full.
type budget struct {
	spent int
	since time.Time // when the last token came back
}

func (b *budget) spend(now time.Time) bool {
	if back := int(now.Sub(b.since) / progressPace); back >= b.spent {
		b.spent, b.since = 0, now
	} else {
		b.spent, b.since = b.spent-back, b.since.Add(time.Duration(back)*progressPace)
	}
	if b.spent >= progressBurst {
		return false
	}
	b.spent++
	return true
}
