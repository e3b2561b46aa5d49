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

// messageOf is the message of a batch. That of one event carries the whole event. That
// of several has no payload: Events returns them.
func messageOf(events []Event) *message.Message {
	r := events[0].Recorded
	if len(events) > 1 {
		return message.NewMessage(r.ID.String(), nil)
	}
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

type eventsKey struct{}

// Events returns the events that a message of the feed carries, in log order. They are
// in the context of the message: of a copy without it, see RecordedFromMessage.
func Events(m *message.Message) ([]Event, error) {
	if events, ok := m.Context().Value(eventsKey{}).([]Event); ok {
		return events, nil
	}
	r, err := RecordedFromMessage(m)
	if err != nil {
		return nil, err
	}
	e, err := r.Event()
	return []Event{{Recorded: r, Decoded: e}}, err
}

// RecordedFromMessage returns the event of a message of one event, from the message
// itself: it may be a copy without the feed's context.
func RecordedFromMessage(m *message.Message) (eventstore.Recorded, error) {
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
