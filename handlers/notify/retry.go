package notify

import (
	"errors"
	"math/rand/v2"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/outbox"
)

// The retries of a notice: first after a second, then doubled up to ten minutes, for a
// day. What counts is the time between the attempts: a clock that is set gives up
// nothing.
const (
	firstRetry = time.Second
	lastRetry  = 10 * time.Minute
	retryFor   = 24 * time.Hour
)

// maxError bounds the text of an error that is kept, in bytes.
const maxError = 512

// settled returns the notice after an attempt that ended with err.
func settled(n outbox.Notice, err error, now time.Time) outbox.Notice {
	if err == nil {
		n.State, n.SentAt, n.NextAttempt, n.LastError = outbox.StateSent, now, now, ""
		return n
	}
	n.LastError = domain.Printable(err.Error(), maxError)
	wait := backoff(n.Attempts)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		wait = max(wait, refused.RetryAfter)
	}
	n.NextAttempt = now.Add(wait)
	n.Waited += wait
	if n.Waited >= retryFor || n.Kind == outbox.KindTest {
		n.State = outbox.StateGivenUp
	}
	return n
}

// backoff returns how long to wait after the given number of attempts, with jitter, so
// that what failed at once is not tried again at once.
func backoff(attempts int64) time.Duration {
	wait := min(lastRetry, firstRetry<<min(max(0, attempts-1), 20))
	return wait - time.Duration(rand.Int64N(int64(wait)/4))
}
