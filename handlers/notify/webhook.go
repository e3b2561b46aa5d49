package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/secret"
)

// webhook sends notices as Standard Webhooks.
type webhook struct {
	channel Channel
	client  *http.Client
}

// address returns the URL of the webhook. The error does not repeat it.
func (w webhook) address() (string, error) {
	address, err := secret.Read(w.channel.WebhookEnv)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", &secret.Error{Variable: w.channel.WebhookEnv, Problem: "holds no URL of a webhook (its value is not repeated here); use https://…"}
	}
	return address, nil
}

// signers returns what signs: two while a secret is rotated, with a blank between.
func (w webhook) signers() (signers []*webhooks.Webhook, err error) {
	if w.channel.SecretEnv == "" {
		return nil, nil
	}
	secrets, err := secret.Read(w.channel.SecretEnv)
	if err != nil {
		return nil, err
	}
	for text := range strings.FieldsSeq(secrets) {
		signer, err := webhooks.NewWebhook(text)
		if err != nil || strings.TrimPrefix(text, "whsec_") == "" {
			return nil, &secret.Error{Variable: w.channel.SecretEnv, Problem: "holds no secret of a webhook (its value is not repeated here); use whsec_ and 24 to 64 random bytes in base64"}
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

func (w webhook) check() error {
	_, err := w.address()
	_, signErr := w.signers()
	return errors.Join(err, signErr)
}

func (w webhook) send(ctx context.Context, n outbox.Notice) error {
	address, err := w.address()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(n.Body))
	if err != nil {
		return errors.New("its URL cannot be parsed")
	}
	request.GetBody = nil // otherwise net/http may send it twice
	if err := w.sign(request, n); err != nil {
		return err
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return harmless(err)
	}
	_ = answer.Body.Close()
	return nil
}

// sign sets the headers of the specification. The timestamp is that of the attempt.
func (w webhook) sign(request *http.Request, n outbox.Notice) error {
	signers, err := w.signers()
	if err != nil {
		return err
	}
	id, now := n.ID.String(), time.Now()
	var signatures []string
	for _, signer := range signers {
		signature, err := signer.Sign(id, now, n.Body)
		if err != nil {
			return fmt.Errorf("cannot be signed: %w", err)
		}
		signatures = append(signatures, signature)
	}
	header := request.Header
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "scrapelog")
	header.Set(webhooks.HeaderWebhookID, id)
	header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	if len(signatures) > 0 {
		header.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	}
	return nil
}
