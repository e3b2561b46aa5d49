package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	maxOrder     = 1 << 20          // bytes of a POST's body
	orderTimeout = 10 * time.Second // to read it
)

// Order is what a POST asks for.
type Order struct {
	RunID     string          `json:"run_id"`
	Scraper   string          `json:"scraper"`
	Recovers  string          `json:"recovers"` // the run that this one stands for; empty: none
	Platforms []string        `json:"platforms"`
	Params    json.RawMessage `json:"params"`
}

// readOrder reads the body to its end. The read deadline is taken back: it would
// otherwise fire in mid-scrape and look like a client that has left.
func readOrder(w http.ResponseWriter, r *http.Request) (Order, error) {
	ctrl := http.NewResponseController(w)
	if err := ctrl.SetReadDeadline(time.Now().Add(orderTimeout)); err != nil {
		return Order{}, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		return Order{}, fmt.Errorf("read body: %w", err)
	}
	if err := ctrl.SetReadDeadline(time.Time{}); err != nil {
		return Order{}, err
	}
	var order Order
	if err := json.Unmarshal(body, &order); err != nil {
		return Order{}, fmt.Errorf("body is not the JSON of a scrape: %w", err)
	}
	if order.RunID == "" {
		return Order{}, errors.New("run_id is missing")
	}
	return order, nil
}
