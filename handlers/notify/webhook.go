package notify

import (
	"context"
	"errors"
	"net/http"

	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/sign"
)

// webhook sends notices as Standard Webhooks.
type webhook struct {
	channel Channel
	client  *http.Client
}

func (w webhook) check() error {
	_, err := sign.Address(w.channel.WebhookEnv)
	if w.channel.SecretEnv == "" {
		return err
	}
	return errors.Join(err, sign.Check(w.channel.SecretEnv))
}

func (w webhook) send(ctx context.Context, n outbox.Notice) error {
	address, err := sign.Address(w.channel.WebhookEnv)
	if err != nil {
		return err
	}
	return sign.Post(ctx, w.client, address, w.channel.SecretEnv, n.ID.String(), n.Body)
}
