package api

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"scrapelog/handlers/access"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
)

// EchoConfig configures what pages and API share.
type EchoConfig struct {
	Hosts  []string              // names this service goes by, beside loopback
	Pages  echo.HTTPErrorHandler // answers errors outside of the API; nil: with problem documents
	Guard  echo.MiddlewareFunc   // lets those in who may; nil: everybody
	Logger *slog.Logger          // optional
}

// NewEcho makes the echo that pages and API register on: request ids, panics
// caught, foreign hosts and foreign pages refused, bodies limited, errors
// answered. Nothing in it compresses, buffers or times out: streams go through.
func NewEcho(cfg EchoConfig) *echo.Echo {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // any client can write X-Forwarded-For
	e.HTTPErrorHandler = problem.ErrorHandler(cfg.Logger, cfg.Pages)
	e.Pre(gate.Path)
	if cfg.Guard != nil {
		e.Use(access.Unknown)
	}
	e.Use(
		gate.Bodies(gate.BodyTimeout),
		requestID(),
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: logPanic(cfg.Logger)}),
		gate.Headers,
		gate.Hosts(cfg.Hosts),
		gate.SameOrigin(http.NewCrossOriginProtection()),
	)
	if cfg.Guard != nil {
		e.Use(cfg.Guard)
	}
	e.Use(gate.Whole)
	return e
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID keeps a plain id of the client's, and gives the request one otherwise.
func requestID() echo.MiddlewareFunc {
	give := middleware.RequestID()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		given := give(next)
		return func(c echo.Context) error {
			if header := c.Request().Header; !plainID.MatchString(header.Get(echo.HeaderXRequestID)) {
				header.Del(echo.HeaderXRequestID)
			}
			return given(c)
		}
	}
}

func logPanic(logger *slog.Logger) middleware.LogErrorFunc {
	return func(c echo.Context, err error, stack []byte) error {
		logger.ErrorContext(c.Request().Context(), "panic", "error", err, "path", c.Request().URL.EscapedPath(),
			"request_id", c.Response().Header().Get(echo.HeaderXRequestID), "stack", string(stack))
		return problem.Of(errors.New("panic")) // told by now: a document is not logged again
	}
}
