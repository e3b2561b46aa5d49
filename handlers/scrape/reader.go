package scrape

import (
	"errors"
	"io"
	"time"
)

const (
	// maxEvent limits one event. The parser scans its buffer again on every read, so
	// that large events in small pieces cost seconds of CPU.
	maxEvent = 256 << 10
	// maxStream limits a whole stream.
	maxStream = 256 << 20
)

var errStreamTooLong = errors.New("the stream is longer than 256 MiB")

// reader passes a stream's bytes to the parser, counts them, and runs the silence
// timer.
type reader struct {
	body    io.Reader
	limit   int64
	silence *silence
	anyByte bool            // any byte is a sign of life, not only a whole event
	heardAt func(time.Time) // called with the time of the last byte

	bytes int64
	err   error // the body's last error, because sse.Read hides a clean end
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	r.silence.arm()
	n, err := r.body.Read(p)
	r.silence.disarm()
	if n > 0 {
		r.heardAt(time.Now())
		if r.anyByte {
			r.silence.heard()
		}
	}
	if over := r.bytes + int64(n) - r.limit; over > 0 {
		n, err = n-int(over), errStreamTooLong
	}
	r.bytes += int64(n)
	r.err = err
	return n, err
}
