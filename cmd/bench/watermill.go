package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"scrapelog/eventstore"
)

const (
	topic         = "events"
	watermillName = "watermill-sql"
)

// watermillRival is watermill-sql used bare: its own publisher, its own
// subscriber. It has no schema for SQLite, where its place is taken by the
// simplest one that it accepts.
type watermillRival struct {
	pool      *sql.DB
	schema    wsql.SchemaAdapter
	offsets   wsql.OffsetsAdapter
	publisher *wsql.Publisher
}

func (b *bench) watermill(ctx context.Context, d eventstore.Dialect, writers int) (*watermillRival, error) {
	url, err := b.database(ctx, d)
	if err != nil {
		return nil, err
	}
	return newWatermillRival(url, d, writers)
}

func newWatermillRival(url string, d eventstore.Dialect, writers int) (w *watermillRival, err error) {
	w = &watermillRival{schema: wsql.DefaultPostgreSQLSchema{}, offsets: wsql.DefaultPostgreSQLOffsetsAdapter{}}
	if d == eventstore.SQLite {
		w.schema, w.offsets = liteSchema{}, liteOffsets{}
	}
	if w.pool, err = openPool(url, writers); err != nil {
		return nil, err
	}
	w.publisher, err = wsql.NewPublisher(w.pool, wsql.PublisherConfig{SchemaAdapter: w.schema, AutoInitializeSchema: true}, watermill.NopLogger{})
	return w, err
}

func (w *watermillRival) close() { _ = w.pool.Close() }

func (e stored) message() (*message.Message, error) {
	m := message.NewMessage(uuid.Must(uuid.NewV7()).String(), e.data)
	return m, json.Unmarshal(e.metadata, &m.Metadata)
}

func (w *watermillRival) publish(e stored) error {
	m, err := e.message()
	if err != nil {
		return err
	}
	return w.publisher.Publish(topic, m)
}

func (w *watermillRival) subscribe(ctx context.Context, poll time.Duration) (<-chan *message.Message, *wsql.Subscriber, error) {
	sub, err := wsql.NewSubscriber(w.pool, wsql.SubscriberConfig{
		ConsumerGroup: "bench", PollInterval: poll, SchemaAdapter: w.schema, OffsetsAdapter: w.offsets, InitializeSchema: true,
	}, watermill.NopLogger{})
	if err != nil {
		return nil, nil, err
	}
	messages, err := sub.Subscribe(ctx, topic)
	return messages, sub, err
}

// watermillPublishes is a contender of appending.
func (b *bench) watermillPublishes(ctx context.Context, d eventstore.Dialect, writers int) (contender, func(), error) {
	w, err := b.watermill(ctx, d, writers)
	if err != nil {
		return contender{}, nil, err
	}
	events, err := sample()
	if err != nil {
		return contender{}, nil, err
	}
	write := func(_ context.Context, writer int) error { return w.publish(events[writer%len(events)]) }
	return contender{name: watermillName, write: write}, w.close, nil
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

var errNoTx = errors.New("the message carries no transaction")

func txOf(m *message.Message) (*sql.Tx, error) {
	tx, ok := eventstore.TxFrom(m.Context())
	if !ok {
		return nil, fmt.Errorf("message %s: %w", m.UUID, errNoTx)
	}
	return tx, nil
}
