package rivals

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
)

// Topic is where the messages of watermill-sql go.
const Topic = "events"

// Watermill is watermill-sql used bare: its own publisher, its own subscriber. It
// has no schema for SQLite, where the simplest one that it accepts takes its place.
type Watermill struct {
	pool      *sql.DB
	schema    wsql.SchemaAdapter
	offsets   wsql.OffsetsAdapter
	publisher *wsql.Publisher
}

// NewWatermill makes the tables in a database.
func NewWatermill(b *testing.B, db eventstoretest.Database, writers int) *Watermill {
	b.Helper()
	w := &Watermill{pool: openPool(b, db.URL, writers), schema: wsql.DefaultPostgreSQLSchema{}, offsets: wsql.DefaultPostgreSQLOffsetsAdapter{}}
	if db.Dialect == eventstore.SQLite {
		w.schema, w.offsets = liteSchema{}, liteOffsets{}
	}
	var err error
	w.publisher, err = wsql.NewPublisher(w.pool, wsql.PublisherConfig{SchemaAdapter: w.schema, AutoInitializeSchema: true}, watermill.NopLogger{})
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// message carries the event; its type is in the metadata.
func (e stored) message() *message.Message {
	m := message.NewMessage(uuid.Must(uuid.NewV7()).String(), e.Data)
	if err := json.Unmarshal(e.Metadata, &m.Metadata); err != nil {
		panic(err) // metadata of our own making
	}
	m.Metadata["type"] = e.Type
	return m
}

// Each is the contender that publishes one message.
func (w *Watermill) Each() Contender {
	return Contender{Name: "watermill-sql", Write: func(_ context.Context, writer int) error {
		return w.publisher.Publish(Topic, sample[writer%len(sample)].message())
	}}
}

// PublishOne publishes one message and returns its id.
func (w *Watermill) PublishOne() (string, error) {
	m := sample[0].message()
	return m.UUID, w.publisher.Publish(Topic, m)
}

// PublishStories publishes at least n events.
func (w *Watermill) PublishStories(n int) (published int, err error) {
	for i := 0; published < n; i++ {
		var messages message.Messages
		for _, e := range storedOf(Story(scraperName(i))) {
			messages = append(messages, e.message())
		}
		if err := w.publisher.Publish(Topic, messages...); err != nil {
			return published, err
		}
		published += len(messages)
	}
	return published, nil
}

// Subscribe follows the topic; a poll of 0 is the default one.
func (w *Watermill) Subscribe(ctx context.Context, poll time.Duration) (<-chan *message.Message, *wsql.Subscriber, error) {
	sub, err := wsql.NewSubscriber(w.pool, wsql.SubscriberConfig{
		ConsumerGroup: "bench", PollInterval: poll, SchemaAdapter: w.schema, OffsetsAdapter: w.offsets, InitializeSchema: true,
	}, watermill.NopLogger{})
	if err != nil {
		return nil, nil, err
	}
	messages, err := sub.Subscribe(ctx, Topic)
	return messages, sub, err
}

// liteSchema and liteOffsets are what watermill-sql would need for SQLite.
type liteSchema struct{}

func (liteSchema) SchemaInitializingQueries(string) []wsql.Query {
	return []wsql.Query{{Query: `CREATE TABLE IF NOT EXISTS watermill_events (
		"offset" INTEGER PRIMARY KEY, uuid TEXT NOT NULL, created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
		payload TEXT, metadata TEXT) STRICT`}}
}

func (liteSchema) InsertQuery(_ string, messages message.Messages) (wsql.Query, error) {
	var args []any
	for _, m := range messages {
		metadata, err := json.Marshal(m.Metadata)
		if err != nil {
			return wsql.Query{}, err
		}
		args = append(args, m.UUID, string(m.Payload), string(metadata))
	}
	return wsql.Query{
		Query: `INSERT INTO watermill_events (uuid, payload, metadata) VALUES ` + strings.Repeat("(?, ?, ?), ", len(messages)-1) + "(?, ?, ?)",
		Args:  args,
	}, nil
}

func (liteSchema) SelectQuery(_, group string, _ wsql.OffsetsAdapter) wsql.Query {
	return wsql.Query{Query: `SELECT "offset", uuid, payload, metadata FROM watermill_events
		WHERE "offset" > (SELECT acked FROM watermill_offsets WHERE consumer_group = ?) ORDER BY "offset" LIMIT 100`, Args: []any{group}}
}

func (liteSchema) UnmarshalMessage(row wsql.Scanner) (r wsql.Row, err error) {
	if err := row.Scan(&r.Offset, &r.UUID, &r.Payload, &r.Metadata); err != nil {
		return r, err
	}
	r.Msg = message.NewMessage(string(r.UUID), r.Payload)
	return r, json.Unmarshal(r.Metadata, &r.Msg.Metadata)
}

func (liteSchema) SubscribeIsolationLevel() sql.IsolationLevel { return sql.LevelDefault }

type liteOffsets struct{}

func (liteOffsets) SchemaInitializingQueries(string) []wsql.Query {
	return []wsql.Query{{Query: `CREATE TABLE IF NOT EXISTS watermill_offsets (consumer_group TEXT PRIMARY KEY, acked INTEGER NOT NULL) STRICT`}}
}

func (liteOffsets) AckMessageQuery(_ string, row wsql.Row, group string) wsql.Query {
	return wsql.Query{Query: `UPDATE watermill_offsets SET acked = ? WHERE consumer_group = ?`, Args: []any{row.Offset, group}}
}

func (liteOffsets) ConsumedMessageQuery(string, wsql.Row, string, []byte) wsql.Query {
	return wsql.Query{}
}

func (liteOffsets) NextOffsetQuery(string, string) wsql.Query { return wsql.Query{} }

func (liteOffsets) BeforeSubscribingQueries(_, group string) []wsql.Query {
	return []wsql.Query{{Query: `INSERT INTO watermill_offsets VALUES (?, 0) ON CONFLICT DO NOTHING`, Args: []any{group}}}
}
