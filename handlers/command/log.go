package command

import (
	"scrapelog/domain"
	"scrapelog/eventstore"
)

// logLink writes the one line that each loss and each return has in the
// service's log.
func (h *Handler) logLink(run domain.Run, recorded []eventstore.Recorded) {
	for _, r := range recorded {
		e, err := r.Event()
		if err != nil {
			continue
		}
		switch e := e.(type) {
		case domain.ConnectionLost:
			h.Logger.Warn("connection lost", "scraper", e.Scraper, "run", e.RunID, "cause", e.Cause,
				"phase", e.Phase, "link", e.Link, "position", r.Position, "detail", e.Detail)
		case domain.ConnectionRestored:
			h.Logger.Info("connection restored", "scraper", e.Scraper, "run", e.RunID, "cause", run.Cause,
				"noticed_by", e.NoticedBy, "down_for_ms", e.DownForMS, "position", r.Position)
		}
	}
}
