// Package sse writes server-sent events, whole events per write.
//
// An event is on the wire, or its error is known, when Send or Flush returns:
// each has a write deadline of its own, one Write and one Flush. That is what
// lets a server notice a client that has left or no longer reads.
package sse

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// WriteTimeout is how long one message may take to leave. A client that takes
// longer is gone, or as good as gone.
const WriteTimeout = 15 * time.Second

// ErrField refuses an event name, id or comment that would break out of its line.
var ErrField = errors.New("sse: control character in a field")

// Writer writes one stream. It is not for concurrent use, and after an error
// from the connection every further message fails too.
type Writer struct {
	outer  http.ResponseWriter // gets the status, so that echo knows it was sent
	inner  http.ResponseWriter // gets the bytes: echo's own Flush hides errors
	ctrl   *http.ResponseController
	opened bool
	buf    bytes.Buffer
}

// NewWriter sets the headers of a stream on w, which may be an *echo.Response.
// Nothing is sent before Open or the first message, so further headers may be set.
func NewWriter(w http.ResponseWriter) *Writer {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-transform") // asks proxies not to compress it
	h.Set("Content-Encoding", "identity")            // Caddy compresses otherwise, and holds back what comes of it
	h.Set("X-Accel-Buffering", "no")                 // nginx holds streams back otherwise
	inner := w
	if r, ok := w.(*echo.Response); ok {
		inner = r.Writer
	}
	return &Writer{outer: w, inner: inner, ctrl: http.NewResponseController(inner)}
}

// Head answers a HEAD request as the stream would begin, and opens none.
func Head(w http.ResponseWriter) error {
	return NewWriter(w).Open()
}

// Open sends the response header at once. Without it, the first message does.
func (w *Writer) Open() error { return w.flush(nil) }

// Send writes one event. Name and id may be empty; data of several lines arrives
// as it was sent, but that every line end becomes a line feed.
func (w *Writer) Send(event, id string, data []byte) error {
	if err := w.Add(event, id, data); err != nil {
		return err
	}
	return w.Flush()
}

// Add is Send but that the event leaves with the next Flush or Send, together
// with all that were added before it: several then cost one write.
func (w *Writer) Add(event, id string, data []byte) error {
	if strings.ContainsAny(event, "\r\n") || strings.ContainsAny(id, "\r\n\x00") {
		return fmt.Errorf("%w: event %q, id %q", ErrField, event, id)
	}
	if event != "" {
		w.line("event: ", []byte(event))
	}
	if id != "" {
		w.line("id: ", []byte(id))
	}
	for rest, more := data, true; more; {
		var line []byte
		line, rest, more = cutLine(rest)
		w.line("data: ", line)
	}
	w.buf.WriteByte('\n')
	return nil
}

// Flush writes what was added.
func (w *Writer) Flush() error {
	err := w.flush(w.buf.Bytes())
	w.buf.Reset()
	if w.buf.Cap() > keptBuffer {
		w.buf = bytes.Buffer{}
	}
	return err
}

// keptBuffer is how large a buffer a stream keeps from one message to the next.
// The state that it begins with is many times the size of what follows, and
// would be held for as long as the stream is open.
const keptBuffer = 4 << 10

// Comment writes a comment and a blank line. Without that line, parsers pile
// comments up as the beginning of an event.
func (w *Writer) Comment(text string) error {
	if strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("%w: comment %q", ErrField, text)
	}
	return w.flush([]byte(": " + text + "\n\n"))
}

func (w *Writer) line(prefix string, text []byte) {
	w.buf.WriteString(prefix)
	w.buf.Write(text)
	w.buf.WriteByte('\n')
}

// cutLine splits after the first LF, CRLF or CR, the line ends of the format.
func cutLine(data []byte) (line, rest []byte, found bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	end := i + 1
	if data[i] == '\r' && end < len(data) && data[end] == '\n' {
		end++
	}
	return data[:i], data[end:], true
}

// flush sends message under its deadline, and takes the deadline back after it:
// one that ran out between two messages would cut the stream's last chunk.
func (w *Writer) flush(message []byte) error {
	if err := w.deadline(time.Now().Add(WriteTimeout)); err != nil {
		return err
	}
	if !w.opened {
		w.opened = true
		w.outer.WriteHeader(http.StatusOK)
	}
	if len(message) > 0 {
		if _, err := w.inner.Write(message); err != nil {
			return err
		}
	}
	if err := w.ctrl.Flush(); err != nil {
		return err
	}
	return w.deadline(time.Time{})
}

// deadline is a no-op on writers without a connection, such as a test's recorder.
func (w *Writer) deadline(t time.Time) error {
	if err := w.ctrl.SetWriteDeadline(t); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
