package notify

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"scrapelog/handlers/egress"
)

// timeout bounds one attempt, from the name of the host to the answer's header.
const timeout = 15 * time.Second

// RefusedError reports that a channel answered and did not take the notice.
type RefusedError struct {
	Status     int
	RetryAfter time.Duration // asked for by the channel; 0: not
}

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("answered with HTTP %d %s", e.Status, http.StatusText(e.Status))
	if e.Status/100 == 3 {
		text += "; redirects are refused"
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf("; try again after %s", e.RetryAfter)
	}
	return text
}

// transport connects only where the egress rules allow it, and returns an answer
// that is not 2xx as a *RefusedError: no client follows a redirect or reads such an
// answer.
type transport struct {
	http  *http.Transport
	clock func() time.Time

	mu     sync.Mutex
	failed map[string]error // the last failure of each path, if it was no success since
}

func newTransport(rules func() egress.Rules) *transport {
	t := egress.Dialer{Rules: rules}.Transport()
	t.DisableKeepAlives = true // a notice is rare
	t.TLSHandshakeTimeout, t.ResponseHeaderTimeout = timeout, timeout
	return &transport{clock: time.Now, failed: map[string]error{}, http: t}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.exchange(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failed, r.URL.Path)
	if err != nil {
		t.failed[r.URL.Path] = err
	}
	return answer, err
}

// failure returns the error of the last request to a path.
func (t *transport) failure(path string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed[path]
}

func (t *transport) exchange(r *http.Request) (*http.Response, error) {
	answer, err := t.http.RoundTrip(r)
	if err != nil || answer.StatusCode/100 == 2 {
		return answer, err
	}
	_ = answer.Body.Close()
	return nil, &RefusedError{answer.StatusCode, retryAfter(answer.Header.Get("Retry-After"), t.clock())}
}

// maxRetryAfter bounds what a channel may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads the Retry-After of RFC 9110: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now).Round(time.Second)
	}
	return min(max(0, wait), maxRetryAfter)
}
