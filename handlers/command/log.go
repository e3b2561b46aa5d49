package command

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

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

// logEvent logs e, an event of run at the given position. A field whose value is
// an empty text is left out.
func (h *Handler) logEvent(run domain.Run, position int64, e domain.Event) {
	log := func(level slog.Level, line string, fields ...any) {
		all := []any{"scraper", run.Scraper, "run", run.ID}
		for i := 0; i+1 < len(fields); i += 2 {
			if fmt.Sprint(fields[i+1]) != "" {
				all = append(all, fields[i], fields[i+1])
			}
		}
		h.Logger.Log(context.Background(), level, line, append(all, "position", position)...)
	}
	switch e := e.(type) {
	case domain.ConnectionLost:
		log(slog.LevelWarn, "connection lost", "cause", e.Cause, "phase", e.Phase, "link", e.Link, "last_event", e.LastEvent, "detail", e.Detail)
	case domain.ConnectionRestored:
		log(slog.LevelInfo, "connection restored", "cause", run.Cause, "noticed_by", e.NoticedBy, "down_for_ms", e.DownForMS)
	case domain.RunCompleted:
		log(slog.LevelInfo, "run completed", "items", e.Items, "duration_ms", e.DurationMS, "note", e.Note)
	case domain.RunFailed:
		log(slog.LevelWarn, "run failed", "code", e.Code, "http_status", httpStatus(e), "detail", e.Detail)
	case domain.RunCancelled:
		log(slog.LevelInfo, "run cancelled", "by", e.By, "reason", e.Reason)
	}
}

// httpStatus is what a failed run was answered with; empty: it was not.
func httpStatus(e domain.RunFailed) string {
	if e.HTTPStatus == 0 {
		return ""
	}
	return strconv.Itoa(e.HTTPStatus)
}
