package feed

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// What watermill has no field for travels in the message's metadata, beside the
// event's own, under names that no event uses.
const (
	reserved       = "log."
	metaPosition   = reserved + "position"
	metaStream     = reserved + "stream"
	metaVersion    = reserved + "version"
	metaType       = reserved + "type"
	metaRecordedAt = reserved + "recorded_at"
)

func messageOf(r eventstore.Recorded) *message.Message {
	m := message.NewMessage(r.ID.String(), message.Payload(r.Data))
	m.Metadata = make(message.Metadata, len(r.Metadata)+5)
	maps.Copy(m.Metadata, r.Metadata)
	m.Metadata[metaPosition] = strconv.FormatInt(r.Position, 10)
	m.Metadata[metaStream] = r.Stream
	m.Metadata[metaVersion] = strconv.FormatInt(r.Version, 10)
	m.Metadata[metaType] = r.Type
	m.Metadata[metaRecordedAt] = strconv.FormatInt(r.RecordedAt.UnixMicro(), 10)
	return m
}

// carried is an event as the feed has read it; the context of its message has it.
type carried struct {
	eventstore.Recorded
	event domain.Event
}

type carriedKey struct{}

// EventFromMessage is the event that a message of the feed carries, decoded; nil
// if its type is unknown.
func EventFromMessage(m *message.Message) (eventstore.Recorded, domain.Event, error) {
	if c, ok := m.Context().Value(carriedKey{}).(carried); ok {
		return c.Recorded, c.event, nil
	}
	r, err := RecordedFromMessage(m)
	if err != nil {
		return eventstore.Recorded{}, nil, err
	}
	e, err := r.Event()
	return r, e, err
}

// RecordedFromMessage is the event that a message of the feed carries. It is read
// from the message itself if that is a copy without the feed's context.
func RecordedFromMessage(m *message.Message) (eventstore.Recorded, error) {
	if c, ok := m.Context().Value(carriedKey{}).(carried); ok {
		return c.Recorded, nil
	}
	id, idErr := uuid.Parse(m.UUID)
	position, positionErr := strconv.ParseInt(m.Metadata[metaPosition], 10, 64)
	version, versionErr := strconv.ParseInt(m.Metadata[metaVersion], 10, 64)
	micros, timeErr := strconv.ParseInt(m.Metadata[metaRecordedAt], 10, 64)
	if err := errors.Join(idErr, positionErr, versionErr, timeErr); err != nil {
		return eventstore.Recorded{}, fmt.Errorf("message %s is not from the log: %w", m.UUID, err)
	}
	r := eventstore.Recorded{
		Position: position, Stream: m.Metadata[metaStream], Version: version, ID: id, Type: m.Metadata[metaType],
		RecordedAt: time.UnixMicro(micros).UTC(), Data: []byte(m.Payload), Metadata: eventstore.Metadata{},
	}
	for key, value := range m.Metadata {
		if !strings.HasPrefix(key, reserved) {
			r.Metadata[key] = value
		}
	}
	return r, nil
}
