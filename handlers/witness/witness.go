// Package witness has the checkpoints of the log signed by witnesses (C2SP tlog-witness):
// a log that was rolled back, rewritten or forked is refused by them.
package witness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/egress"
)

const (
	answerTimeout = 10 * time.Second
	longestAnswer = 16 << 10
	mostWords     = 200
)

// Ahead is the error of a witness that has seen more events than the log has: it was
// rolled back.
type Ahead struct {
	Witness     string
	Size, Known int64
}

func (e *Ahead) Error() string {
	return fmt.Sprintf("Witness %s has signed a checkpoint of %d events, and the log is signed up to %d: it was rolled back.", e.Witness, e.Known, e.Size)
}

// Forked is the error of a witness that has seen another log: it was rewritten or forked.
type Forked struct {
	Witness string
	Known   int64
	Says    string // the witness
}

func (e *Forked) Error() string {
	return fmt.Sprintf("Witness %s refuses the log: it does not follow from the %d events that the witness has signed (%s): it was rewritten or forked.", e.Witness, e.Known, e.Says)
}

// Refused is the error of a witness that does not take the log: it does not know its name
// or its key.
type Refused struct {
	Witness string
	Status  int
	Says    string // the witness
}

func (e *Refused) Error() string {
	return fmt.Sprintf("Witness %s does not take the log (%d %s): register the name and the key of the log there, which \"scrapelog events verify\" prints.", e.Witness, e.Status, e.Says)
}

// refusal reports whether an error is the witness's answer about the log, and no failure.
func refusal(err error) bool {
	_, ahead := errors.AsType[*Ahead](err)
	_, forked := errors.AsType[*Forked](err)
	_, refused := errors.AsType[*Refused](err)
	return ahead || forked || refused
}

// Submit sends a signed checkpoint of size events to a witness, and returns its answer.
// prove yields the proof from the tree that the witness knows.
func Submit(ctx context.Context, client *http.Client, w proof.Witness, signed string, size int64, prove func(old int64) (tlog.TreeProof, error)) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	old, said := size, ""
	for range 3 { // other instances may have sent one meanwhile
		consistency, err := prove(old)
		if err != nil {
			return "", err
		}
		status, body, err := post(ctx, client, w, old, consistency, signed)
		if err != nil {
			return "", err
		}
		switch status {
		case http.StatusOK:
			return body, nil
		case http.StatusUnprocessableEntity:
			return "", &Forked{w.Name, old, words(body)}
		case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound:
			return "", &Refused{w.Name, status, words(body)}
		case http.StatusConflict:
			known, err := strconv.ParseInt(strings.TrimSpace(body), 10, 64)
			switch {
			case err != nil && old == size && said == "": // of the root or of the size: asked with no size, it tells which
				said, old = words(body), 0
				continue
			case err == nil && known == size && (old == size || said != ""): // it knows that size, with another root
				return "", &Forked{w.Name, size, cmp.Or(said, "409 "+words(body))}
			case err == nil && known > size:
				return "", &Ahead{w.Name, size, known}
			case err != nil, known < 0, known == old:
				return "", fmt.Errorf("witness %s answered 409 without the size that it knows: %s", w.Name, words(body))
			}
			old = known
		default:
			return "", fmt.Errorf("witness %s answered %d: %s", w.Name, status, words(body))
		}
	}
	return "", fmt.Errorf("witness %s was sent other checkpoints meanwhile", w.Name)
}

// words returns the beginning of what a witness has said, in one line.
func words(body string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(body, "?"))
	return domain.Shorten(strings.Join(strings.Fields(printable), " "), mostWords)
}

// NewClient returns what witnesses are asked with, within the rules.
func NewClient(rules func() egress.Rules) *http.Client {
	return &http.Client{
		Transport:     egress.Dialer{Rules: rules}.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func post(ctx context.Context, client *http.Client, w proof.Witness, old int64, consistency tlog.TreeProof, signed string) (status int, answer string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range consistency {
		fmt.Fprintf(&b, "%s\n", h)
	}
	fmt.Fprintf(&b, "\n%s", signed)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(w.URL, "/")+"/add-checkpoint", strings.NewReader(b.String()))
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("witness %s does not answer: %w", w.Name, errors.Unwrap(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return 0, "", fmt.Errorf("witness %s does not answer: %w", w.Name, err)
	}
	return response.StatusCode, string(body), nil
}

// Ask sends the newest checkpoint of the log to a witness, and returns that checkpoint with
// the witness's signature.
func Ask(ctx context.Context, client *http.Client, store *eventstore.Store, w proof.Witness) (cosigned string, seen proof.Witnessed, err error) {
	c, signed, err := proof.Newest(ctx, store)
	if err != nil || signed == "" {
		return "", seen, err
	}
	answer, err := Submit(ctx, client, w, signed, c.Size, func(old int64) (tlog.TreeProof, error) {
		return proof.Consistency(ctx, store, c.Size, old)
	})
	if err != nil {
		return "", seen, err
	}
	cosigned, at, err := w.Cosigned(signed, answer)
	return cosigned, proof.Witnessed{Witness: w.Name, Size: c.Size, At: at, Asked: true}, err
}

// Check asks every witness about a log that was verified, and adds what they say to the
// result. A witness that does not answer is an error.
func Check(ctx context.Context, client *http.Client, store *eventstore.Store, witnesses []proof.Witness, result *proof.Result) error {
	var failed []error
	for _, w := range witnesses {
		_, seen, err := Ask(ctx, client, store, w)
		var ahead *Ahead
		var forked *Forked
		switch {
		case errors.As(err, &ahead):
			result.Contradict(proof.WitnessAhead, ahead.Size+1, ahead.Error())
		case errors.As(err, &forked):
			result.Contradict(proof.WitnessRefused, 0, forked.Error())
		case err != nil:
			failed = append(failed, err)
		case seen.Size > 0:
			result.Witnessed = append(result.Witnessed, seen)
		}
	}
	return errors.Join(failed...)
}
