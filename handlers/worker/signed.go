package worker

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/sign"
)

// authenticate returns the refusal of an order that is not signed with the worker's
// secret, or nil. The client is told why: the reason helps only those who have the
// secret.
func (w *Worker) authenticate(h http.Header, body []byte) error {
	if w.cfg.SecretEnv == "" {
		return nil
	}
	err := w.signatures.Verify(h, body)
	if err == nil {
		return nil
	}
	w.unsigned.log(w.log, err)
	var refused *sign.RefusedError
	switch {
	case errors.As(err, &refused):
		return echo.NewHTTPError(http.StatusUnauthorized, "the order is refused: "+refused.Why)
	case errors.Is(err, sign.ErrTooMany):
		return echo.NewHTTPError(http.StatusTooManyRequests, err.Error())
	}
	return echo.NewHTTPError(http.StatusInternalServerError) // the worker has no secret to verify with
}

// complaints logs refused orders once a minute with their number, because any machine
// that reaches the worker can send them.
type complaints struct {
	mu    sync.Mutex
	said  time.Time
	count int // since said
}

func (c *complaints) log(logger *slog.Logger, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	if time.Since(c.said) < time.Minute {
		return
	}
	logger.Warn("order refused", "error", why, "times", c.count)
	c.said, c.count = time.Now(), 0
}
