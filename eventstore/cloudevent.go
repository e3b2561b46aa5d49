package eventstore

import (
	"encoding/json"
	"strconv"
	"time"
)

// cloudEvent is an event in the JSON format of CloudEvents 1.0. An extension attribute is
// named in lower case and is text.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        string          `json:"time"`
	ContentType string          `json:"datacontenttype"`
	Position    string          `json:"position"`
	Version     string          `json:"streamversion"`
	Correlation string          `json:"correlationid,omitempty"`
	Causation   string          `json:"causationid,omitempty"`
	Actor       string          `json:"actor,omitempty"`
	Instance    string          `json:"instance,omitempty"`
	TraceParent string          `json:"traceparent,omitempty"`
	Data        json.RawMessage `json:"data"`
}

// CloudEvent returns the event for other programs, in the JSON format of CloudEvents 1.0.
// It fails only if the data is not JSON.
func (r Recorded) CloudEvent() ([]byte, error) {
	return json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: r.ID.String(), Source: "/scrapelog", Type: r.Type, Subject: r.Stream,
		Time: r.RecordedAt.UTC().Format(time.RFC3339Nano), ContentType: "application/json",
		Position: strconv.FormatInt(r.Position, 10), Version: strconv.FormatInt(r.Version, 10),
		Correlation: r.Metadata["correlation_id"], Causation: r.Metadata["causation_id"], Actor: r.Metadata["actor"],
		Instance: r.Metadata["instance"], TraceParent: r.Metadata["traceparent"], Data: r.Data,
	})
}
