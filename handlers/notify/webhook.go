package notify

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/secret"
	"scrapelog/handlers/sign"
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

func (w webhook) check() error {
	_, err := w.address()
	if w.channel.SecretEnv == "" {
		return err
	}
	return errors.Join(err, sign.Check(w.channel.SecretEnv))
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
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "scrapelog")
	if err := sign.Headers(request.Header, w.channel.SecretEnv, n.ID.String(), time.Now(), n.Body); err != nil { // the time is that of the attempt
		return err
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return harmless(err)
	}
	_ = answer.Body.Close()
	return nil
}
