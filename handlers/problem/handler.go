package problem

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// ErrorHandler answers every error below an API path with a problem document,
// and leaves the other paths to pages (nil: those get documents too). It logs
// internal errors once; a document that a handler returns as its error is intended and
// not logged.
func ErrorHandler(logger *slog.Logger, pages echo.HTTPErrorHandler) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		r, w := c.Request(), c.Response()
		_, onPurpose := errors.AsType[*Document](err)
		if r.Context().Err() != nil {
			if !onPurpose {
				unanswered(w)
				return
			}
			// The client still reads: net/http cancels a request whose body came too late, and
			// no page is rendered for one that is cancelled.
			r = r.WithContext(context.WithoutCancel(r.Context()))
			c.SetRequest(r)
		}
		if pages != nil && !Path(r.URL.Path) {
			pages(err, c)
			return
		}
		d := Of(err)
		if d.Status >= http.StatusInternalServerError && !onPurpose {
			logFailure(logger, c, d, err)
		}
		if w.Committed {
			return
		}
		if err := Write(w, r, d); err != nil {
			logger.DebugContext(r.Context(), "problem document not sent", "error", err)
		}
	}
}

// unanswered ends a request whose client has left. Nothing of ours went wrong, and
// most often there is nothing to answer. A client that has only closed its half of the
// connection still reads: net/http would tell it 200, though nothing was done.
func unanswered(w *echo.Response) {
	if !w.Committed {
		w.Header().Set(echo.HeaderConnection, "close")
		w.WriteHeader(http.StatusBadRequest)
	}
}

// Path reports whether path is an API path: its clients are programs, and want
// documents where a person wants a page.
func Path(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/metrics", "/openapi.yaml", "/api":
		return true
	}
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/debug/")
}

func logFailure(logger *slog.Logger, c echo.Context, d *Document, err error) {
	level := slog.LevelWarn // a 503 passes by itself
	if d.Status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	r := c.Request()
	logger.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.EscapedPath(),
		"status", d.Status, "client", c.RealIP(), "request_id", c.Response().Header().Get(echo.HeaderXRequestID), "error", err)
}
