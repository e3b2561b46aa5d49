package outbox

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// noticeJSON is a notice as the API shows it. What is unset is left out.
type noticeJSON struct {
	ID            uuid.UUID       `json:"id"`
	Channel       string          `json:"channel"`
	Kind          Kind            `json:"kind"`
	Type          string          `json:"type"`
	State         State           `json:"state"`
	Subject       string          `json:"subject"`
	Position      int64           `json:"position,omitempty"`
	Title         string          `json:"title,omitempty"`
	Attempts      int64           `json:"attempts"`
	CreatedAt     string          `json:"created_at"`
	NextAttemptAt string          `json:"next_attempt_at,omitempty"`
	SentAt        string          `json:"sent_at,omitempty"`
	LastError     string          `json:"last_error,omitempty"`
	Body          json.RawMessage `json:"body,omitempty"`
}

// MarshalJSON writes the notice as the API shows it.
func (n Notice) MarshalJSON() ([]byte, error) {
	shown := noticeJSON{
		ID: n.ID, Channel: n.Channel, Kind: n.Kind, Type: n.Type, State: n.State, Subject: n.Subject, Position: n.Position,
		Title: n.Title(), Attempts: n.Attempts, CreatedAt: stamp(n.CreatedAt), SentAt: stamp(n.SentAt), LastError: n.LastError, Body: n.Body,
	}
	if n.State == StatePending || n.State == StateHeld {
		shown.NextAttemptAt = stamp(n.NextAttempt)
	}
	return json.Marshal(shown)
}

// stamp writes a time as the API does; an unset one is empty.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
}
