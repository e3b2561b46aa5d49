package command

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// logEvent writes one line for each end of a run, for each return of its connection
// and for each overdue scraper: e, an event at the given position. A field whose value
// is an empty text is left out.
func (h *Handler) logEvent(ctx context.Context, run domain.Run, position int64, e domain.Event) {
	log := func(level slog.Level, line string, fields ...any) {
		all := []any{"scraper", e.ScraperName()}
		if e.Run() != uuid.Nil {
			all = append(all, "run", e.Run())
		}
		for i := 0; i+1 < len(fields); i += 2 {
			if fmt.Sprint(fields[i+1]) != "" {
				all = append(all, fields[i], fields[i+1])
			}
		}
		logger := h.Logger
		if h.Traced {
			logger = logger.With("trace_id", domain.TraceID(run.ID))
		}
		logger.Log(ctx, level, line, append(all, "position", position)...)
	}
	switch e := e.(type) {
	case domain.ConnectionLost:
		if h.Lines.leaveOut(lostLines, e.Cause, position) {
			return
		}
		log(slog.LevelWarn, "connection lost", "cause", e.Cause, "phase", e.Phase, "link", e.Link, "last_event", e.LastEvent,
			"detail", e.Detail, "streak", h.streak(ctx, run, position, e))
	case domain.ConnectionRestored:
		if h.Lines.leaveOut(restoredLines, run.Cause, position) {
			return
		}
		log(slog.LevelInfo, "connection restored", "cause", run.Cause, "noticed_by", e.NoticedBy, "down_for_ms", e.DownForMS)
	case domain.RunCompleted:
		log(slog.LevelInfo, "run completed", "items", e.Items, "min_items", minItems(e), "duration_ms", e.DurationMS, "note", e.Note)
	case domain.RunFailed:
		log(slog.LevelWarn, "run failed", "code", e.Code, "http_status", httpStatus(e), "detail", e.Detail)
	case domain.RunCancelled:
		log(slog.LevelInfo, "run cancelled", "by", e.By, "reason", e.Reason)
	case domain.ScraperOverdue:
		log(slog.LevelWarn, "scraper overdue", "within", e.Within, "last_success_at", instant(e.LastSuccessAt))
	default: // starts, and what else happens to scrapers, have no line
	}
}

// httpStatus returns the HTTP status of a failed run; empty for none.
func httpStatus(e domain.RunFailed) string {
	if e.HTTPStatus == 0 {
		return ""
	}
	return strconv.Itoa(e.HTTPStatus)
}

// minItems returns how many items were expected of a run that brought fewer; empty if
// it did not.
func minItems(e domain.RunCompleted) any {
	if e.AsExpected() {
		return ""
	}
	return e.MinItems
}

// instant returns the text of a time; empty for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// streakLogged is how many runs must be lost the same way for the log to say so.
const streakLogged = 3

// streakTimeout bounds the question for a line of the log.
const streakTimeout = time.Second

// streak says that runs of the scraper are lost the same way again and again; empty:
// they are not, or it is not known. lost is the event at the given position, which
// the read model may not have seen yet.
func (h *Handler) streak(ctx context.Context, run domain.Run, position int64, lost domain.ConnectionLost) string {
	if h.Streak == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), streakTimeout)
	defer cancel()
	streak, upTo, err := h.Streak(ctx, run.Scraper)
	if err != nil {
		return "" // the event is recorded, and the pages will say it
	}
	if upTo < position {
		streak = streak.After(lost, lost.At.Sub(run.StartedAt))
	}
	if streak.Runs < streakLogged {
		return ""
	}
	return streak.String()
}
