package worker

import (
	"context"
	"io"
	"net/http"
)

// transport ties every request to the scrape: colly asks for robots.txt without
// a context.
type transport struct {
	ctx context.Context
	http.RoundTripper
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(t.ctx, cancel)
	release := func() { stop(); cancel() }
	resp, err := t.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = tiedBody{resp.Body, release}
	return resp, nil
}

type tiedBody struct {
	io.ReadCloser
	release func()
}

func (b tiedBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
