package scrape

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/tmaxmax/go-sse"

	"scrapelog/handlers/dial"
)

// beatsToLose is how many announced beats must be missed to lose a stream.
const beatsToLose = 3

// unnamed is the name of an event without a name (HTML standard).
const unnamed = "message"

// listen reads events up to the terminal one, which it returns at once, or to the end
// of the stream. The error is nil if the stream ended cleanly.
func (o *outcome) listen(stream io.Reader, end context.CancelCauseFunc, alive func(time.Time)) (*dial.Terminal, error) {
	quiet := o.newSilence(end)
	defer quiet.stop()
	if body, is := stream.(interface{ Waiting() bool }); is {
		quiet.waiting = body.Waiting
	}
	r := &reader{body: stream, limit: maxStream, silence: quiet, anyByte: o.beat == 0}
	r.heardAt = func(at time.Time) {
		o.heardAt = at
		if r.anyByte {
			alive(at)
		}
	}
	defer func() { o.received.Bytes = r.bytes }()
	for event, err := range sse.Read(r, &sse.ReadConfig{MaxEventSize: maxEvent}) {
		if err != nil {
			return nil, err
		}
		o.received.Events++
		o.eventAt, o.lastEvent = time.Now(), cmp.Or(event.Type, unnamed)
		if last, is := dial.ParseTerminal(event.Type, event.Data); is {
			return &last, nil
		}
		if o.beat > 0 {
			quiet.heard()
			alive(o.eventAt)
		}
	}
	if errors.Is(r.err, io.EOF) {
		return nil, nil
	}
	return nil, r.err
}

// newSilence returns the timer of this stream: idle_timeout without a byte, or three
// announced beats without a whole event.
func (o *outcome) newSilence(end context.CancelCauseFunc) *silence {
	if o.beat > 0 {
		return newSilence(beatsToLose*o.beat, func() { end(errMissedBeats) })
	}
	return newSilence(o.cfg.IdleTimeout.Std(), func() { end(errIdle) })
}
