package problem_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/problem"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var runID = uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")

// cases is the table as clients see it; the key names the golden file.
var cases = map[string]struct {
	err    error
	status int
}{
	"not-found":       {fmt.Errorf("scraper %q: %w", "shop", domain.ErrNotFound), 404},
	"conflict":        {fmt.Errorf("scraper %q is paused: %w", "shop", domain.ErrConflict), 409},
	"overtaken":       {eventstore.ErrConflict, 409},
	"run-open":        {fmt.Errorf("start: %w", &domain.RunOpenError{Scraper: "shop", RunID: runID}), 409},
	"finished":        {fmt.Errorf("run %s is completed: %w", runID, domain.ErrFinished), 409},
	"invalid":         {fmt.Errorf("%w: trigger %q", domain.ErrInvalid, "x"), 400},
	"invalid-field":   {&domain.FieldError{Field: "probe.interval", Problem: "1ms is out of range", Want: "use 100ms to 1h"}, 400},
	"unavailable":     {fmt.Errorf("%w: dial tcp db.example:5432 password=canary", eventstore.ErrUnavailable), 503},
	"network":         {fmt.Errorf("runs: %w", &net.OpError{Op: "dial", Err: errors.New("canary")}), 503},
	"bad-connection":  {fmt.Errorf("runs: %w", driver.ErrBadConn), 503},
	"route":           {echo.ErrNotFound, 404},
	"method":          {echo.ErrMethodNotAllowed, 405},
	"too-large":       {echo.ErrStatusRequestEntityTooLarge, 413},
	"media-type":      {echo.ErrUnsupportedMediaType, 415},
	"bad-request":     {echo.NewHTTPError(400, "what was wrong"), 400},
	"internal":        {errors.New("pq: canary"), 500},
	"internal-echo":   {echo.NewHTTPError(500, "canary"), 500},
	"long-and-quoted": {fmt.Errorf("%w: <\"\x00\xff%s", domain.ErrInvalid, strings.Repeat("é", 2000)), 400},
}

func TestEveryRefusalIsTheDocumentItWasBefore(t *testing.T) {
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			got := serve(t, tt.err, "/api/v1/some%20thing?secret=canary")
			if got.Code != tt.status {
				t.Errorf("status %d, want %d", got.Code, tt.status)
			}
			if ct := got.Header().Get("Content-Type"); ct != problem.ContentType {
				t.Errorf("content type %q", ct)
			}
			if retry := got.Header().Get("Retry-After"); (retry == "1") != (tt.status == 503) {
				t.Errorf("Retry-After %q with status %d", retry, tt.status)
			}
			if bytes.Contains(got.Body.Bytes(), []byte("canary")) {
				t.Errorf("a secret leaked: %s", got.Body)
			}
			golden(t, name, got.Body.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPagesAnswerTheirOwnErrors(t *testing.T) {
	paths := map[string]bool{
		"/": true, "/runs": true, "/apiary": true, "/healthz/": true,
		"/healthz": false, "/readyz": false, "/metrics": false, "/openapi.yaml": false, "/api": false, "/api/v1/runs": false,
	}
	for path, wantPage := range paths {
		e, page := echo.New(), false
		e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), func(error, echo.Context) { page = true })
		e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		if page != wantPage {
			t.Errorf("%s answered as a page: %v, want %v", path, page, wantPage)
		}
	}
}

func TestOnlyOurOwnFaultsAreLogged(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string // level of the one line; empty: none
	}{
		"an internal error is an error":          {errors.New("boom"), "ERROR"},
		"an absent database is a warning":        {eventstore.ErrUnavailable, "WARN"},
		"a refusal is the client's business":     {domain.ErrConflict, ""},
		"a document was made on purpose":         {problem.New(problem.NotReady, "migrating"), ""},
		"a document stays one when it is nested": {fmt.Errorf("wrapped: %w", problem.New(problem.Behind, "late")), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			e := echo.New()
			e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.NewTextHandler(&out, nil)), nil)
			e.GET("/api/x", func(echo.Context) error { return tt.err })
			e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/x", nil))
			if lines := strings.Count(out.String(), "\n"); (tt.want == "" && lines != 0) || (tt.want != "" && (lines != 1 || !strings.Contains(out.String(), "level="+tt.want))) {
				t.Errorf("logged %q, want one line of level %q", out.String(), tt.want)
			}
		})
	}
}

func TestNobodyIsToldWhenTheClientHasLeft(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	leave()
	var out bytes.Buffer
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.NewTextHandler(&out, nil)), nil)
	e.GET("/api/x", func(c echo.Context) error { return c.Request().Context().Err() })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/x", nil))
	if w.Body.Len() != 0 || out.Len() != 0 {
		t.Errorf("answered %q, logged %q", w.Body, out.String())
	}
}

func TestWhatWasSentIsNotSentTwice(t *testing.T) {
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), nil)
	e.GET("/api/x", func(c echo.Context) error {
		_ = c.String(http.StatusOK, "begun")
		return errors.New("and broken")
	})
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/x", nil))
	if w.Code != 200 || w.Body.String() != "begun" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func serve(t *testing.T, err error, path string) *httptest.ResponseRecorder {
	t.Helper()
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), nil)
	e.GET("/api/*", func(echo.Context) error { return err })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}
