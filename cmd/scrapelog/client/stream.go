package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"scrapelog/cmd/scrapelog/term"
)

// liveStream is a live stream that ends itself when it has gone silent: a
// connection that is half open looks like one on which nothing happens.
type liveStream struct {
	body    io.ReadCloser
	cancel  context.CancelCauseFunc
	silence time.Duration
	silent  *time.Timer
}

func (f *follower) open(ctx context.Context) (*liveStream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stream := newLiveStream(http.NoBody, cancel, f.silence, term.Failf(term.ErrUnreachable, "%s has fallen silent", f.shown))
	path := "/api/v1/watch"
	if f.watcher != "" {
		path += "?" + url.Values{"id": {f.watcher}}.Encode()
	}
	response, err := f.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		stream.close()
		return nil, err
	}
	stream.body = response.Body
	return stream, nil
}

// newLiveStream counts the silence from now on.
func newLiveStream(body io.ReadCloser, cancel context.CancelCauseFunc, silence time.Duration, cause error) *liveStream {
	return &liveStream{body, cancel, silence, time.AfterFunc(silence, func() { cancel(cause) })}
}

func (s *liveStream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	s.silent.Reset(s.silence)
	return n, err
}

// close may be called on nil.
func (s *liveStream) close() {
	if s == nil {
		return
	}
	s.silent.Stop()
	s.cancel(nil)
	_ = s.body.Close()
}

// reconnectDelay is the pause between two attempts to reconnect to the server.
const reconnectDelay = time.Second

// reopen tries until the server is there again.
func (f *follower) reopen(ctx context.Context) (*liveStream, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(reconnectDelay):
		}
		stream, err := f.open(ctx)
		if err == nil || !errors.Is(err, term.ErrUnreachable) {
			return stream, err
		}
	}
}
