package command

import (
	"context"
	"log/slog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// logRun writes one line for each end of a run and for each return of its
// connection, once the events are committed.
func (h *Handler) logRun(ctx context.Context, run domain.Run, recorded []eventstore.Recorded) {
	for _, r := range recorded {
		if e, err := r.Event(); err == nil {
			eventstore.AfterCommit(ctx, func() { h.logEvent(run, r.Position, e) })
		}
	}
}

// logEvent logs e, an event of run at the given position.
func (h *Handler) logEvent(run domain.Run, position int64, e domain.Event) {
	log := func(level slog.Level, line string, fields ...any) {
		fields = append([]any{"scraper", run.Scraper, "run", run.ID}, fields...)
		h.Logger.Log(context.Background(), level, line, append(fields, "position", position)...)
	}
	switch e := e.(type) {
	case domain.ConnectionLost:
		log(slog.LevelWarn, "connection lost", "cause", e.Cause, optional("phase", e.Phase), "link", e.Link, "detail", e.Detail)
	case domain.ConnectionRestored:
		log(slog.LevelInfo, "connection restored", "cause", run.Cause, "noticed_by", e.NoticedBy, "down_for_ms", e.DownForMS)
	case domain.RunCompleted:
		log(slog.LevelInfo, "run completed", "items", e.Items, "duration_ms", e.DurationMS)
	case domain.RunFailed:
		log(slog.LevelWarn, "run failed", "code", e.Code, optional("http_status", e.HTTPStatus), "detail", e.Detail)
	case domain.RunCancelled:
		log(slog.LevelInfo, "run cancelled", "by", e.By, optional("reason", e.Reason))
	}
}

// optional is a field of a log line that is left out when its value is zero.
func optional[T comparable](key string, value T) slog.Attr {
	var zero T
	if value == zero {
		return slog.Attr{}
	}
	return slog.Any(key, value)
}
