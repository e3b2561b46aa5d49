package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"scrapelog/handlers/egress"
)

const (
	userAgent  = "scrapelog"
	maxHeader  = 256 << 10 // bytes of an answer's header
	maxCookies = 200       // of all sites of a run

	// pageTimeout bounds one try for a page or robots.txt. It keeps a scrape that
	// waits for a dead site from beating for ever.
	pageTimeout = 30 * time.Second
	// maxTries is how often a URL is asked for while it answers 5xx, or breaks the
	// connection.
	maxTries = 3
	// maxWaits is how often a Retry-After is obeyed for one URL, for maxWait at most.
	maxWaits = 5
	maxWait  = 60 * time.Second
)

var errSlow = fmt.Errorf("not answered within %s", pageTimeout)

// statusError is an answer that brings no page.
type statusError struct {
	code       int
	retryAfter time.Duration // 0: the answer does not say
}

func (e *statusError) Error() string {
	return fmt.Sprintf("answered %d %s", e.code, http.StatusText(e.code))
}

// web asks sites for pages, on behalf of one run.
type web struct {
	client *http.Client
	reach  *reach
	pause  time.Duration // before the second try; twice that before the third
}

func newWeb(pause time.Duration) *web {
	r := &reach{}
	transport := egress.Dialer{}.Transport()
	transport.DialContext, transport.Proxy = r.dial, r.behind(http.ProxyFromEnvironment)
	transport.MaxResponseHeaderBytes, transport.DisableCompression = maxHeader, true // see readBody
	return &web{
		reach: r,
		pause: pause,
		client: &http.Client{
			Jar:           newJar(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     transport,
		},
	}
}

// begin forgets the connections to the site before.
func (w *web) begin() {
	w.close()
	w.reach.begin()
}

func (w *web) close() { w.client.CloseIdleConnections() }

// get asks for a URL and lets read have the answer, unless its status is 400 or
// above: that is a *statusError. What may pass is tried again.
func (w *web) get(ctx context.Context, at string, read func(*http.Response) error) error {
	for tries, waits := 1, 0; ; {
		err := w.try(ctx, at, read)
		var status *statusError
		var wait time.Duration
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case errors.As(err, &status) && status.retryAfter > 0 && waits < maxWaits:
			wait, waits = min(status.retryAfter, maxWait), waits+1
		case passing(err) && tries < maxTries:
			wait, tries = w.pause<<(tries-1), tries+1
		default:
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// passing tells what another try may mend. A timeout is not, because three of them
// would take minutes.
func passing(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code/100 == 5 || status.code == http.StatusTooManyRequests
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EPIPE)
}

func (w *web) try(ctx context.Context, at string, read func(*http.Response) error) error {
	bounded, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	err := w.ask(bounded, at, read)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return errSlow
	}
	return err
}

func (w *web) ask(ctx context.Context, at string, read func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", acceptEncoding)
	resp, err := w.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return &statusError{resp.StatusCode, retryAfter(resp, time.Now())}
	}
	return read(resp)
}

// withoutURL leaves out the URL that net/http repeats: its query may be secret.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// retryAfter is how long a 429 or 503 asks to wait; 0 when it does not.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return max(time.Duration(seconds)*time.Second, time.Millisecond)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), time.Millisecond)
	}
	return 0
}

// redirect is where an answer sends its client: an absolute URL, or empty.
func redirect(resp *http.Response) string {
	location := resp.Header.Get("Location")
	if resp.StatusCode/100 != 3 || location == "" {
		return ""
	}
	to, _ := link(resp.Request.URL.String(), location)
	return to
}

// jar keeps cookies as net/http/cookiejar does, and no more than maxCookies of them.
// It is used by one request at a time.
type jar struct {
	*cookiejar.Jar
	names map[string]bool
}

func newJar() *jar {
	kept, _ := cookiejar.New(nil) // its error is always nil
	return &jar{kept, map[string]bool{}}
}

func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	var kept []*http.Cookie
	for _, c := range cookies {
		if key := u.Host + " " + c.Name + " " + c.Path; len(c.Value) <= 4<<10 && (j.names[key] || len(j.names) < maxCookies) {
			j.names[key] = true
			kept = append(kept, c)
		}
	}
	j.Jar.SetCookies(u, kept)
}
