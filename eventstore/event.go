package eventstore

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// NewEvent is an event that is to be appended.
type NewEvent struct {
	ID       uuid.UUID // UUIDv7; zero: made by Append. A known id settles an append whose commit's fate was unknown
	Event    domain.Event
	Metadata Metadata
}

// Recorded is an event of the log.
type Recorded struct {
	Position   int64           `json:"position"`    // place in the log: 1, 2, 3 … without gaps
	Stream     string          `json:"stream"`      // run-RUN_ID, scraper-NAME, user-USER_ID or log
	Version    int64           `json:"version"`     // place in the stream: 1, 2, 3 …
	ID         uuid.UUID       `json:"id"`          // UUIDv7
	Type       string          `json:"type"`        // wire name
	RecordedAt time.Time       `json:"recorded_at"` // UTC, whole microseconds; never before that of the position below
	Data       json.RawMessage `json:"data"`        // the fields of the type, as below
	Metadata   Metadata        `json:"metadata"`    // actor, instance, correlation_id, causation_id and traceparent, as far as they are known
}

// Size is about how many bytes an event takes.
func (r Recorded) Size() int {
	size := len(r.Stream) + len(r.Type) + len(r.Data)
	for name, value := range r.Metadata {
		size += len(name) + len(value)
	}
	return size
}

// Event decodes the payload. An unknown type, written by a newer program, is
// nil and no error.
func (r Recorded) Event() (domain.Event, error) {
	e, err := domain.Decode(r.Type, r.Data)
	if err != nil {
		return nil, fmt.Errorf("position %d: %w", r.Position, err)
	}
	return e, nil
}

// Scraper returns the name of the scraper that the event is about, also for a type
// that this program does not know; empty if it is about none.
func (r Recorded) Scraper() string {
	var about domain.AboutScraper
	if json.Unmarshal(r.Data, &about) == nil && about.Scraper != "" {
		return about.Scraper
	}
	if name, ok := strings.CutPrefix(r.Stream, domain.ScraperStream("")); ok {
		return name
	}
	return ""
}

// recordedColumns is the order in which scanRecorded reads.
const recordedColumns = `position, stream, version, id, type, recorded_at, data, metadata`

const eventsWhere = `SELECT ` + recordedColumns + ` FROM events WHERE `

func scanRecorded(row Scanner) (Recorded, error) {
	var (
		r              Recorded
		micros         int64
		data, metadata []byte
	)
	err := row.Scan(&r.Position, &r.Stream, &r.Version, &r.ID, &r.Type, &micros, &data, &metadata)
	if err != nil {
		return Recorded{}, err
	}
	if r.Metadata, err = decodeMetadata(metadata); err != nil {
		return Recorded{}, fmt.Errorf("position %d: metadata: %w", r.Position, err)
	}
	r.RecordedAt, r.Data = time.UnixMicro(micros).UTC(), data
	return r, nil
}
