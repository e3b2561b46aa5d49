package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/dial"
	"scrapelog/handlers/problem"
)

// BodyTimeout is how long a body of at most 1 MiB may take to arrive.
const BodyTimeout = 10 * time.Second

// Bodies gives a request's body until within to arrive whole. The deadline holds
// until the last byte, also where no handler reads the body and net/http discards
// it after the answer. A request whose body came too late is answered 408.
func Bodies(within time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.ContentLength == 0 {
				return next(c)
			}
			body := &timedBody{ReadCloser: r.Body, conn: http.NewResponseController(c.Response().Writer)}
			_ = body.conn.SetReadDeadline(time.Now().Add(within)) // a test's recorder has none
			r.Body = body
			err := next(c)
			if !body.late || c.Response().Committed {
				return err
			}
			c.Response().Header().Set(echo.HeaderConnection, "close")
			return problem.New(problem.Late, "the body did not arrive within "+within.String())
		}
	}
}

// MaxBody is the most that a request may carry, in bytes.
const MaxBody = 1 << 20

// Whole reads a request's body before a handler sees the request, so that no handler
// acts or begins a stream before the body has arrived. Register it after [Bodies] and
// after the checks that refuse a request unread.
func Whole(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, header := c.Request(), c.Response().Header()
		if r.ContentLength == 0 {
			return next(c)
		}
		if encoding := dial.ContentEncoding(r.Header); encoding != "" {
			header.Set(echo.HeaderConnection, "close") // with the body unread
			header.Set("Accept-Encoding", "identity")
			return problem.New(problem.WrongType, fmt.Sprintf("Content-Encoding %.80q is not read here; send the body as it is", encoding))
		}
		if r.ContentLength > MaxBody {
			return tooLarge(c)
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
		switch {
		case err != nil: // Bodies says so where it came too late
			header.Set(echo.HeaderConnection, "close")
			return problem.New(problem.Invalid, "the body ended early")
		case len(body) > MaxBody:
			return tooLarge(c)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return next(c)
	}
}

// tooLarge refuses a body, and then discards a MiB of it: a connection that is closed with
// unread bytes is reset, and a client that still writes would not read the answer.
func tooLarge(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderConnection, "close")
	c.Error(echo.ErrStatusRequestEntityTooLarge)
	c.Response().Flush()
	_, _ = io.CopyN(io.Discard, c.Request().Body, MaxBody)
	return nil
}

// timedBody takes its connection's read deadline back at the end of the body: it
// would otherwise fire in mid-stream, and look like a client that has left.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
	late bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		_ = b.conn.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.late = true
	}
	return n, err
}
