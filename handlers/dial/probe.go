package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"scrapelog/domain"
)

const (
	// probeTimeout limits the whole exchange: the kernel accepts connections for a
	// stopped process.
	probeTimeout = 5 * time.Second
	// probeBody is how much of an answer's body is read to see that it ends.
	probeBody = 64 << 10
)

// Probe asks a scraper once whether it is back. It sends HEAD to the scraper's URL and
// accepts any answer but a gateway's or a cache's; if probe.url is set it sends GET
// there and accepts 2xx. answered reports whether an HTTP answer came. An err that
// wraps domain.ErrInvalid means that nothing was sent.
func Probe(ctx context.Context, t Target) (back, answered bool, err error) {
	req, err := probeRequest(ctx, t)
	if err != nil {
		return false, false, err
	}
	open := func(ctx context.Context) (net.Conn, error) { return Open(ctx, req.URL, t) }
	return probe(req, open, t.Probe.URL != "")
}

// probe sends a probe and judges the answer; see [Probe].
func probe(req *http.Request, open func(context.Context) (net.Conn, error), want2xx bool) (back, answered bool, err error) {
	ctx, cancel := context.WithTimeout(req.Context(), probeTimeout)
	defer cancel()
	conn, err := open(ctx)
	if err != nil {
		return false, false, fmt.Errorf("probe: %w", err)
	}
	resp, err := newLink(conn).exchange(req.WithContext(ctx))
	if malformed, ok := errors.AsType[*MalformedError](err); ok {
		return !want2xx && malformed.Status != 0 && !Gateway(malformed.Status), true, fmt.Errorf("probe: %w", err)
	}
	if err != nil {
		return false, false, fmt.Errorf("probe: %w", quotable(err))
	}
	defer resp.Body.Close()
	if err := fromCache(resp.Header); err != nil {
		return false, true, err
	}
	if _, err := io.CopyN(io.Discard, resp.Body, probeBody); err != nil && !errors.Is(err, io.EOF) {
		return false, true, nil
	}
	if want2xx {
		return resp.StatusCode/100 == 2, true, nil
	}
	return !Gateway(resp.StatusCode), true, nil
}

// quotable returns err if it is an error of the network. Errors of net/http's parser
// quote the peer; they would put our request into the log if the peer echoes it.
func quotable(err error) error {
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("no HTTP answer (%T)", err)
}

// probeRequest returns the request of a probe. It has the configured headers only if
// it goes to the scraper's own origin: another host must not get the credentials.
func probeRequest(ctx context.Context, t Target) (*http.Request, error) {
	method, target := http.MethodHead, t.URL
	if t.Probe.URL != "" {
		method, target = http.MethodGet, t.Probe.URL
	}
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil { // err would repeat the URL, query and all
		return nil, fmt.Errorf("probe: %w: the URL cannot be parsed", domain.ErrInvalid)
	}
	req.Header.Set("User-Agent", userAgent)
	if sameOrigin(req.URL, t.URL) {
		if req.Header, err = Headers(t); err != nil {
			return nil, fmt.Errorf("probe: %w", err)
		}
	}
	if req.Header.Get("Cache-Control") == "" {
		req.Header.Set("Cache-Control", "no-cache") // a cache may ignore it: see fromCache
	}
	return req, nil
}

func sameOrigin(u *url.URL, raw string) bool {
	other, err := url.Parse(raw)
	return err == nil && u.Scheme == other.Scheme && u.Host == other.Host
}
