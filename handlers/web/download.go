package web

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// downloadPage is how many events are read at once, and readBytes how large they may
// be together.
const (
	downloadPage = 500
	readBytes    = 2 << 20
)

// download sends the events of a stream as NDJSON, each as the API and the
// command line write it.
func (h *Handler) download(c echo.Context) error {
	ctx, response := c.Request().Context(), c.Response()
	name, err := h.streamInPath(c)
	if err != nil {
		return err
	}
	query := eventstore.Query{Stream: name, Limit: downloadPage, Bytes: readBytes}
	for first := true; ; first = false {
		read := query
		records, err := h.cfg.Events.Read(ctx, read)
		if err == nil && first && len(records) == 0 {
			err = fmt.Errorf("stream %s: %w", quoted(query.Stream), domain.ErrNotFound)
		}
		if err != nil {
			return err
		}
		if first {
			response.Header().Set("Content-Type", "application/x-ndjson")
			response.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", records[0].Stream+".ndjson"))
			response.WriteHeader(http.StatusOK)
		}
		encoder := json.NewEncoder(response)
		for _, rec := range records {
			if err := encoder.Encode(rec); err != nil {
				return nil // the client has left
			}
			query.After = rec.Position
		}
		if read.Last(records) {
			return nil
		}
	}
}
