package scrape

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// body is what a scraper is asked. Its JSON is the contract with scrapers.
type body struct {
	RunID     uuid.UUID       `json:"run_id"`
	Scraper   string          `json:"scraper"`
	Recovers  uuid.UUID       `json:"recovers,omitzero"` // end this run if you still hold it
	Platforms []string        `json:"platforms"`
	Params    json.RawMessage `json:"params"`
}

// unsendable is a request that cannot be made. Nothing that a probe could see
// would change that, so it is a failure and not a lost connection: recovering
// would spin until somebody repairs the configuration.
type unsendable struct{ problem string }

func (e *unsendable) Error() string { return e.problem }

// newRequest makes the POST of a run. The error is an *unsendable.
func newRequest(ctx context.Context, run domain.Run, cfg domain.ScraperConfig) (*http.Request, error) {
	payload, err := encodeBody(run, cfg)
	if err != nil {
		return nil, &unsendable{"params are not JSON"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, cfg.URL, bytes.NewReader(payload))
	if err != nil { // err would repeat the URL, query and all
		return nil, &unsendable{"the scraper's URL cannot be parsed"}
	}
	headers, err := dial.Headers(cfg)
	if err != nil {
		return nil, &unsendable{err.Error()}
	}
	headers.Set("Accept", "text/event-stream")
	headers.Set("Content-Type", "application/json")
	headers.Set("X-Scrapelog-Run-Id", run.ID.String())
	headers.Set("traceparent", traceparent(run.ID))
	req.Header = headers
	req.GetBody = nil // with it, net/http may POST a run twice by itself
	return req, nil
}

func encodeBody(run domain.Run, cfg domain.ScraperConfig) ([]byte, error) {
	b := body{RunID: run.ID, Scraper: run.Scraper, Recovers: run.Recovers, Platforms: cfg.Platforms, Params: run.Params}
	if b.Platforms == nil {
		b.Platforms = []string{}
	}
	if len(b.Params) == 0 {
		params, err := json.Marshal(cfg.Params)
		if err != nil {
			return nil, fmt.Errorf("params of %s: %w", cfg.Name, err)
		}
		b.Params = params
	}
	if string(b.Params) == "null" {
		b.Params = json.RawMessage("{}")
	}
	return json.Marshal(b)
}

// traceparent is the run's W3C trace context. Trace and parent follow from the
// run's id, so that logs on both sides join without a table between them.
func traceparent(run uuid.UUID) string {
	return "00-" + hex.EncodeToString(run[:]) + "-" + hex.EncodeToString(run[8:]) + "-01"
}
