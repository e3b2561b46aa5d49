// Package witness has the checkpoints of the log signed by witnesses (C2SP tlog-witness):
// a log that was rolled back, rewritten or forked is refused by them.
package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/egress"
)

const (
	answerTimeout = 10 * time.Second
	longestAnswer = 16 << 10
	// Every is how often a log that has grown is sent to its witnesses.
	Every = 10 * time.Second
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

// Submit sends a signed checkpoint of size events to a witness, and returns its answer.
// prove yields the proof from the tree that the witness knows.
func Submit(ctx context.Context, client *http.Client, w proof.Witness, signed string, size int64, prove func(old int64) (tlog.TreeProof, error)) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	old := size
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
			return "", &Forked{w.Name, old, strings.TrimSpace(body)}
		case http.StatusConflict:
			known, err := strconv.ParseInt(strings.TrimSpace(body), 10, 64)
			if err != nil || known == old {
				return "", fmt.Errorf("witness %s answered 409 without the size that it knows", w.Name)
			}
			if known > size {
				return "", &Ahead{w.Name, size, known}
			}
			old = known
		default:
			return "", fmt.Errorf("witness %s answered %d: %.200s", w.Name, status, strings.TrimSpace(body))
		}
	}
	return "", fmt.Errorf("witness %s was sent other checkpoints meanwhile", w.Name)
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
	return response.StatusCode, string(body), err
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

// Sender sends each new checkpoint to the witnesses. The fields are required.
type Sender struct {
	Log       *eventstore.Store
	Files     func() proof.Files
	Witnesses []proof.Witness
	Client    *http.Client // of NewClient
	Logger    *slog.Logger
}

// Run sends checkpoints until ctx ends, and the last one then.
func (s *Sender) Run(ctx context.Context) error {
	if len(s.Witnesses) == 0 {
		return nil
	}
	tick := time.NewTicker(Every)
	defer tick.Stop()
	sent, told := map[string]int64{}, map[string]string{}
	for {
		for _, w := range s.Witnesses {
			s.send(ctx, w, sent, told)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			for _, w := range s.Witnesses {
				s.send(last, w, sent, told)
			}
			return nil
		case <-tick.C:
		}
	}
}

// send sends the newest checkpoint to a witness unless it has it. What goes wrong is logged
// once.
func (s *Sender) send(ctx context.Context, w proof.Witness, sent map[string]int64, told map[string]string) {
	c, _, err := proof.Newest(ctx, s.Log)
	if err != nil || c.Size == 0 || c.Size == sent[w.Name] {
		return
	}
	cosigned, seen, err := Ask(ctx, s.Client, s.Log, w)
	if err == nil && cosigned != "" {
		err = proof.KeepCosigned(s.Files(), cosigned)
		sent[w.Name] = seen.Size
	}
	says := ""
	if err != nil {
		says = err.Error()
		if refused := (*Ahead)(nil); errors.As(err, &refused) { // by ever fewer events, as the log grows
			says = "ahead"
		}
	}
	if says != told[w.Name] && ctx.Err() == nil {
		if err != nil {
			s.Logger.ErrorContext(ctx, "a witness did not sign the log", "error", err)
		} else {
			s.Logger.InfoContext(ctx, "a witness signs the log again", "position", seen.Size)
		}
		told[w.Name] = says
	}
}
