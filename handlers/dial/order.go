package dial

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Order is what a scraper is asked. Its JSON is the contract with scrapers.
type Order struct {
	RunID     uuid.UUID       `json:"run_id"`
	Scraper   string          `json:"scraper"`
	Recovers  uuid.UUID       `json:"recovers,omitzero"` // end this run if you still hold it
	Platforms []string        `json:"platforms"`         // never null
	Params    json.RawMessage `json:"params"`            // an object
}

// OrderError is an order that cannot be sent. It names no URL: queries may be
// secret.
type OrderError struct{ Problem string }

func (e *OrderError) Error() string { return e.Problem }

// Unwrap makes it an invalid configuration to whoever asks.
func (e *OrderError) Unwrap() error { return domain.ErrInvalid }

// Request makes the POST of an order. The error is an *OrderError or one of
// [Headers].
func (o Order) Request(ctx context.Context, t Target) (*http.Request, error) {
	if o.Platforms == nil {
		o.Platforms = []string{}
	}
	if len(o.Params) == 0 || string(o.Params) == "null" {
		o.Params = json.RawMessage("{}")
	}
	payload, err := json.Marshal(o)
	if err != nil {
		return nil, &OrderError{"params are not JSON"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(payload))
	if err != nil { // err would repeat the URL, query and all
		return nil, &OrderError{"the scraper's URL cannot be parsed"}
	}
	if req.Header, err = Headers(t); err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Scrapelog-Run-Id", o.RunID.String())
	req.Header.Set("traceparent", Traceparent(o.RunID))
	req.GetBody = nil // with it, net/http may POST a run twice by itself
	return req, nil
}

// Traceparent is a run's W3C trace context. Trace and parent follow from the
// run's id, so that logs on both sides join without a table between them.
func Traceparent(run uuid.UUID) string {
	return "00-" + hex.EncodeToString(run[:]) + "-" + hex.EncodeToString(run[8:]) + "-01"
}

// Beat is how often an answer announces to say something: X-Scrape-Beat, a
// duration of 1 to 60 seconds. Anything else is no announcement, and zero.
func Beat(h http.Header) time.Duration {
	beat, err := time.ParseDuration(h.Get("X-Scrape-Beat"))
	if err != nil || beat < time.Second || beat > time.Minute {
		return 0
	}
	return beat
}
