package checkpoint

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"scrapelog/handlers/sign"
)

// webhook sends Standard Webhooks.
type webhook struct {
	Config
	client *http.Client
}

func (w webhook) send(ctx context.Context, m message) error {
	address, err := sign.Address(w.WebhookEnv)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      message   `json:"data"`
	}{"checkpoint", m.SealedAt, m})
	if err != nil {
		return err
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(m.Checkpoint)) // the same at every attempt
	return sign.Post(ctx, w.client, address, w.SecretEnv, id.String(), body)
}
