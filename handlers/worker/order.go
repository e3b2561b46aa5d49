package worker

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/egress"
	"scrapelog/handlers/problem"
)

// Order is the body of a POST.
type Order struct {
	RunID     string          `json:"run_id"`
	Scraper   string          `json:"scraper"`
	Recovers  string          `json:"recovers"` // the lost run that this one recovers; empty: none
	Platforms []string        `json:"platforms"`
	Params    json.RawMessage `json:"params"`

	egress egress.Rules // for the pages
}

// readWhole reads the body to its end.
func readWhole(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(body)
	if _, refused := errors.AsType[*echo.HTTPError](err); refused {
		return nil, err // past its limit
	}
	if err != nil {
		return nil, problem.New(problem.Invalid, "the body ended early")
	}
	return text, nil
}

func parseOrder(text []byte) (Order, error) {
	var order Order
	if err := json.Unmarshal(text, &order); err != nil {
		return Order{}, problem.New(problem.Invalid, "the body is not the JSON of a scrape: "+err.Error())
	}
	if order.RunID == "" {
		return Order{}, problem.New(problem.Invalid, "run_id is missing")
	}
	return order, nil
}
