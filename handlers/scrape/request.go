package scrape

import (
	"context"
	"encoding/json"
	"net/http"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// unsendable is a request that cannot be made. It is a failure and not a lost
// connection: a probe would succeed, and each recovery run would end in the same way
// until the configuration is repaired.
type unsendable struct{ problem string }

func (e *unsendable) Error() string { return e.problem }

// newRequest returns the POST of a run. The error is an *unsendable.
func newRequest(ctx context.Context, run domain.Run, cfg dial.Target) (*http.Request, error) {
	order := dial.Order{RunID: run.ID, Scraper: run.Scraper, Recovers: run.Recovers, Platforms: cfg.Platforms, Params: run.Params}
	if len(order.Params) == 0 {
		params, err := json.Marshal(cfg.Params)
		if err != nil {
			return nil, &unsendable{"params are not JSON"}
		}
		order.Params = params
	}
	req, err := order.Request(ctx, cfg)
	if err != nil {
		return nil, &unsendable{err.Error()}
	}
	return req, nil
}
