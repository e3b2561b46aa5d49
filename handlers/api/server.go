package api

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"scrapelog/handlers/problem"
)

// bodyLimit is the most that any request may carry.
const bodyLimit = "1MiB"

// EchoConfig configures what pages and API share.
type EchoConfig struct {
	Hosts  []string              // names this service goes by, beside loopback
	Pages  echo.HTTPErrorHandler // answers errors outside of the API; nil: with problem documents
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
	e.IPExtractor = echo.ExtractIPDirect() // X-Forwarded-For is anybody's to write
	e.HTTPErrorHandler = problem.ErrorHandler(cfg.Logger, cfg.Pages)
	e.Use(
		requestID(),
		middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: logPanic(cfg.Logger)}),
		securityHeaders,
		allowHosts(cfg.Hosts),
		sameOrigin(http.NewCrossOriginProtection()),
		middleware.BodyLimit(bodyLimit),
	)
	return e
}

// NewServer makes the server. It has no write timeout, and no read timeout
// beyond the header: both would cut streams. Streams have a deadline per message
// and bodies one of their own. Shutdown calls each onShutdown first; pass
// [Handler.Close], since Shutdown waits for the streams that it ends.
func NewServer(handler http.Handler, logger *slog.Logger, onShutdown ...func()) *http.Server {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	for _, f := range onShutdown {
		srv.RegisterOnShutdown(f)
	}
	return srv
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
		logger.ErrorContext(c.Request().Context(), "panic", "err", err, "path", c.Request().URL.EscapedPath(),
			"request_id", c.Response().Header().Get(echo.HeaderXRequestID), "stack", string(stack))
		return problem.Of(errors.New("panic")) // told by now: a document is not logged again
	}
}

func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		header.Set(echo.HeaderXFrameOptions, "DENY")
		header.Set(echo.HeaderReferrerPolicy, "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		return next(c)
	}
}

// sameOrigin refuses writes that a browser makes for a foreign page. It asks
// Check rather than wrapping the handler, which would put a second
// echo.Response, whose Flush hides write errors, beneath every stream.
func sameOrigin(protection *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return problem.New(problem.Forbidden, err.Error())
			}
			return next(c)
		}
	}
}
