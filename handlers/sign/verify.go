package sign

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// Tolerance is how far the time of a signature may be from now, as the library has it.
	Tolerance = 5 * time.Minute
	// remembered is how long an id is remembered at least. A time in the future makes a
	// signature valid for twice the tolerance.
	remembered = 2 * Tolerance
	// mostRemembered bounds the ids that are remembered: 80 bytes each.
	mostRemembered = 50_000
)

// ErrTooMany reports that more requests have come in a short time than ids can be
// remembered.
var ErrTooMany = errors.New("too many signed requests in the last minutes")

// RefusedError reports a request without a valid signature.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// idRule has no dot: the signed text is id, time and body with dots between them, and an
// id with a dot would let a part of the body pass for its time.
var idRule = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Verifier verifies signed requests, each id once. Its methods may be called from any
// number of goroutines.
type Verifier struct {
	Variable string // holds the secrets

	mu         sync.Mutex
	began      time.Time // of recent
	recent     map[[sha256.Size]byte]struct{}
	before     map[[sha256.Size]byte]struct{} // of the time before began
	remembered int                            // at most so many in each; 0: mostRemembered
}

// Verify returns a *RefusedError for a request that is not signed with a secret of the
// variable, whose time is further than [Tolerance] from now, or whose id has been
// verified before; ErrTooMany; or a *secret.Error.
func (v *Verifier) Verify(h http.Header, body []byte) error {
	signers, err := signers(v.Variable)
	if err != nil {
		return err
	}
	if err := plausible(h); err != nil {
		return err
	}
	for _, signer := range signers {
		if err = signer.Verify(body, h); err == nil {
			return v.once(h.Get(webhooks.HeaderWebhookID))
		}
	}
	return &RefusedError{why(err, h)}
}

// plausible refuses headers that no signer of ours sends.
func plausible(h http.Header) error {
	for _, name := range []string{webhooks.HeaderWebhookID, webhooks.HeaderWebhookTimestamp, webhooks.HeaderWebhookSignature} {
		switch values := h.Values(name); {
		case len(values) == 0:
			return &RefusedError{"it is not signed: it has no header " + name}
		case len(values) > 1:
			return &RefusedError{"it has the header " + name + " twice"}
		}
	}
	if !idRule.MatchString(h.Get(webhooks.HeaderWebhookID)) {
		return &RefusedError{webhooks.HeaderWebhookID + " is not 1 to 128 of a-z, A-Z, 0-9, - and _"}
	}
	return nil
}

func why(err error, h http.Header) string {
	old := errors.Is(err, webhooks.ErrMessageTooOld)
	switch {
	case errors.Is(err, webhooks.ErrInvalidHeaders):
		return webhooks.HeaderWebhookTimestamp + " is not a number of seconds"
	case old || errors.Is(err, webhooks.ErrMessageTooNew):
		signed, _ := strconv.ParseInt(h.Get(webhooks.HeaderWebhookTimestamp), 10, 64)
		direction := "ahead"
		if old {
			direction = "ago"
		}
		return fmt.Sprintf("it was signed %s %s, and %s is the most: compare the clocks of both machines", time.Since(time.Unix(signed, 0)).Abs().Round(time.Second), direction, Tolerance)
	}
	return "its signature does not fit its content and the secret here: both sides must have the same secret"
}

// once refuses an id that it was called with before. Two sets take turns, so that
// forgetting costs nothing: an id is remembered for one to two times remembered.
func (v *Verifier) once(id string) error {
	key := sha256.Sum256([]byte(id))
	v.mu.Lock()
	defer v.mu.Unlock()
	if age := time.Since(v.began); age > remembered {
		v.before, v.recent, v.began = v.recent, map[[sha256.Size]byte]struct{}{}, time.Now()
		if age > 2*remembered {
			v.before = nil
		}
	}
	_, again := v.recent[key]
	_, earlier := v.before[key]
	most := mostRemembered
	if v.remembered > 0 {
		most = v.remembered
	}
	switch {
	case again || earlier:
		return &RefusedError{"a request with this " + webhooks.HeaderWebhookID + " has come before"}
	case len(v.recent) >= most:
		return ErrTooMany
	}
	v.recent[key] = struct{}{}
	return nil
}
