// Package sse writes server-sent events.
//
// Send and Flush make one Write and one Flush with a write deadline. When they return,
// the event was handed to the kernel or its error is known, so that a server notices a
// client that has left or no longer reads.
//
// go-sse, which reads streams elsewhere, does not write them here: its Message leaves
// out the data line of an event without data, which browsers then do not dispatch, and
// the last line end of data that ends with one.
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

// WriteTimeout limits the time in which a message is written. A client that takes
// longer is given up.
const WriteTimeout = 15 * time.Second

// ErrField reports a line end or NUL in an event name, id or comment, which could
// begin another field.
var ErrField = errors.New("sse: control character in a field")

// Writer writes one stream. It is not safe for concurrent use. After an error of the
// connection all further messages fail.
type Writer struct {
	outer  http.ResponseWriter // gets the status, so that echo knows it was sent
	inner  http.ResponseWriter // gets the bytes: echo's own Flush hides errors
	ctrl   *http.ResponseController
	opened bool
	buf    bytes.Buffer
}

// NewWriter sets the headers of a stream on w, which may be an *echo.Response. Nothing
// is sent before Open or the first message, so the caller may set more headers.
func NewWriter(w http.ResponseWriter) *Writer {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-transform") // asks proxies not to compress it
	h.Set("Content-Encoding", "identity")            // otherwise Caddy compresses the stream and buffers it
	h.Set("X-Accel-Buffering", "no")                 // otherwise nginx buffers the stream
	inner := w
	if r, ok := w.(*echo.Response); ok {
		inner = r.Writer
	}
	return &Writer{outer: w, inner: inner, ctrl: http.NewResponseController(inner)}
}

// Head answers a HEAD request with the header of a stream.
func Head(w http.ResponseWriter) error {
	return NewWriter(w).Open()
}

// Open sends the response header at once; otherwise the first message sends it.
func (w *Writer) Open() error { return w.flush(nil) }

// Send writes one event. Name and id may be empty. The client receives data as it was
// given, except that every line end becomes a line feed.
func (w *Writer) Send(event, id string, data []byte) error {
	if err := w.Add(event, id, data); err != nil {
		return err
	}
	return w.Flush()
}

// Add buffers an event. The next Flush or Send writes all buffered events in one
// write.
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

// Flush writes the buffered events.
func (w *Writer) Flush() error {
	err := w.flush(w.buf.Bytes())
	w.buf.Reset()
	if w.buf.Cap() > keptBuffer {
		w.buf = bytes.Buffer{}
	}
	return err
}

// keptBuffer is the largest buffer that a stream keeps between two messages. A stream
// often begins with a state that is many times larger than the messages after it.
const keptBuffer = 4 << 10

// Comment writes a comment and a blank line. Without the blank line parsers buffer
// comments as the beginning of an event.
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

// cutLine splits data after its first line end: LF, CRLF or CR.
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

// flush writes message with a deadline and removes the deadline afterwards: one that
// expired between two messages would fail the end of the stream.
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

// deadline sets the write deadline. Writers without a connection, such as a test's
// recorder, have none.
func (w *Writer) deadline(t time.Time) error {
	if err := w.ctrl.SetWriteDeadline(t); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
