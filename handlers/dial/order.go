package dial

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/sign"
)

// Order is the body of the POST that starts a scrape. Its JSON is part of the
// scraper contract.
type Order struct {
	RunID     uuid.UUID       `json:"run_id"`
	Scraper   string          `json:"scraper"`
	Recovers  uuid.UUID       `json:"recovers,omitzero"` // end this run if you still hold it
	Platforms []string        `json:"platforms"`         // never null
	Params    json.RawMessage `json:"params"`            // an object
}

// OrderError reports an order that cannot be sent. Its text has no URL, because the
// query may be secret.
type OrderError struct{ Problem string }

func (e *OrderError) Error() string { return e.Problem }

// Unwrap returns domain.ErrInvalid: the configuration is invalid.
func (e *OrderError) Unwrap() error { return domain.ErrInvalid }

// Request returns the POST of an order, signed if t has a sign_env. The error is an
// *OrderError, an error of [Headers] or a *secret.Error.
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
	req.Header.Set("traceparent", domain.RunTraceparent(o.RunID))
	if t.SignEnv != "" {
		if err := sign.Headers(req.Header, t.SignEnv, o.RunID.String(), time.Now(), payload); err != nil {
			return nil, fmt.Errorf("sign_env: %w", err)
		}
	}
	req.GetBody = nil // otherwise net/http may send the POST twice
	return req, nil
}

// Beat returns the interval that an answer announces in X-Scrape-Beat, a duration of
// 1 to 60 seconds. Any other value counts as no announcement; Beat returns 0 then.
func Beat(h http.Header) time.Duration {
	beat, err := time.ParseDuration(h.Get("X-Scrape-Beat"))
	if err != nil || beat < time.Second || beat > time.Minute {
		return 0
	}
	return beat
}
