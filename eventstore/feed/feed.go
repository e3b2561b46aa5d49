package feed

import (
	"database/sql"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wsql "github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"scrapelog/eventstore"
)

const (
	// Claims a batch that was read before. No row: the group has moved on meanwhile.
	// False: the log has another event where the batch ends.
	offsetClaimSQLite = `SELECT coalesce((SELECT id FROM events WHERE position = $4) = $5, false)
FROM consumer_offsets
WHERE topic = $1 AND consumer_group = $2 AND position = $3`
	// Claims a batch that was read before. No row: another instance works on the group,
	// or has moved it on. False: the log has another event where the batch ends.
	// set_config is called for the row that is locked, and nothing else needs its value.
	offsetClaimPostgres = `SELECT coalesce((SELECT id FROM events WHERE position = $4) = $5, false)
       AND (NOT $6::boolean OR set_config('synchronous_commit', 'off', true) = 'off')
FROM consumer_offsets
WHERE topic = $1 AND consumer_group = $2 AND position = $3
FOR UPDATE SKIP LOCKED`
	// Some errors make SQLite roll back by itself and go on in autocommit: then the
	// savepoint is gone, this fails, and the offset stays where the rows are.
	offsetAckSQLite = "RELEASE feed;\n" + offsetAck
	offsetAck       = `UPDATE consumer_offsets SET position = $1, blocked_by = NULL
WHERE topic = $2 AND consumer_group = $3 AND position < $1`
	offsetAdd   = `INSERT INTO consumer_offsets (topic, consumer_group) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	offsetBlock = `UPDATE consumer_offsets SET blocked_by = $1 WHERE topic = $2 AND consumer_group = $3`
	// How far a group has come, and how far it could.
	offsetLook = `SELECT coalesce((SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2), 0),
       coalesce(CASE WHEN $1 = 'events'
         THEN (SELECT max(position) FROM events)
         ELSE (SELECT position FROM events WHERE stream = $1 ORDER BY version DESC LIMIT 1)
       END, 0)`
)

// Config is how a consumer group reads the log.
type Config struct {
	// Group is the consumer group. It is a persistent name: changing it hands
	// the group the whole log once more.
	Group string
	// Types are the wire names that the group handles; its offset is moved past all
	// other events, within a Poll if they are few. Empty: it is handed every event.
	Types []string
	// Blocks keeps a message that fails at the head of the group until it can be
	// handled, as a projection needs. Otherwise it goes to the dead letters.
	Blocks bool
	// HandlerTimeout is how long a handler may take before its transaction is
	// rolled back. Default: 2 s on SQLite, where a handler holds the one writer,
	// 10 s on PostgreSQL. It must stay below idle_in_transaction_session_timeout.
	// A message may wait as long until the consumer receives it.
	HandlerTimeout time.Duration
	// Batch is how many events share a message, and with it a transaction, at most.
	// After a failure each has its own. Default: 500 for a group that blocks, which
	// is a projection, and 100 for any other.
	Batch int
	// Attempts is how often our own code may fail on a message. Default 5.
	Attempts int
	// Backoff is the wait after the first failure, doubled up to MaxBackoff.
	// Defaults: 100 ms and 5 s.
	Backoff, MaxBackoff time.Duration
	// Poll is how long the group sleeps when no commit wakes it. Default 1 s.
	Poll time.Duration
}

func (c *Config) setDefaults(d eventstore.Dialect) {
	if c.HandlerTimeout == 0 {
		c.HandlerTimeout = 2 * time.Second
		if d == eventstore.Postgres {
			c.HandlerTimeout = 10 * time.Second
		}
	}
	if c.Batch == 0 {
		c.Batch = 100
		if c.Blocks {
			c.Batch = 500
		}
	}
	if c.Attempts == 0 {
		c.Attempts = 5
	}
	if c.Backoff == 0 {
		c.Backoff = 100 * time.Millisecond
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = 5 * time.Second
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
}

func (c *Config) validate() error {
	if c.Group == "" {
		return errors.New("feed: a consumer group needs a name")
	}
	return nil
}

// Feed is a log with its consumer groups. A process MUST use one: it knows when the
// groups of the process have moved on, and why they could not.
type Feed struct {
	*eventstore.Store
	// Handled is called with the time that each transaction of a consumer group of this
	// process took. Set it before the first Subscriber. Optional.
	Handled func(group string, took time.Duration)

	progress eventstore.Signal // a transaction of a group has ended
	failures failures
	recent   *recent
	held     held
	relays   relays
}

// New returns the feed of a log.
func New(log *eventstore.Store) *Feed { return &Feed{Store: log, recent: newRecent()} }

// Subscriber reads the log for a consumer group. What a handler writes through
// the transaction of its message's context (see TxFrom) commits together with
// the group's offset. Messages come one at a time and in order; each carries a batch
// of events (see Events).
func (s *Feed) Subscriber(cfg Config, logger watermill.LoggerAdapter) (message.Subscriber, error) {
	cfg.setDefaults(s.Dialect())
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if s.Writer() == nil {
		return nil, eventstore.ErrReadOnly
	}
	if logger == nil {
		logger = watermill.NopLogger{}
	}
	return &subscriber{feed: s, cfg: cfg, logger: logger, closing: make(chan struct{})}, nil
}

// schema lets watermill-sql read batches that a subscription has read before. It never
// writes to the events.
type schema struct{ *subscription }

var _ wsql.SchemaAdapter = schema{}

func (schema) InsertQuery(string, message.Messages) (wsql.Query, error) {
	return wsql.Query{}, errors.New("the log is written by Append")
}

// SelectQuery claims the batch of the round. A projection on PostgreSQL does not wait
// for the disk: after a crash of the server its rows and its offset go back together.
func (a schema) SelectQuery(topic, group string, _ wsql.OffsetsAdapter) wsql.Query {
	r := a.round
	args := []any{topic, group, r.after, r.last.Position, r.last.ID.String()}
	if a.feed.Dialect() == eventstore.Postgres {
		args = append(args, a.cfg.Blocks)
	}
	return wsql.Query{Query: a.feed.Dialect().Pick(offsetClaimSQLite, offsetClaimPostgres), Args: args}
}

// UnmarshalMessage makes the one message of the batch. If the log has other events than
// those that were read, because its database was restored, the batch is dropped.
func (a schema) UnmarshalMessage(row wsql.Scanner) (wsql.Row, error) {
	var same bool
	if err := row.Scan(&same); err != nil {
		return wsql.Row{}, err
	}
	if !same {
		a.feed.recent.forget()
		return wsql.Row{}, sql.ErrNoRows
	}
	last := a.round.last
	return wsql.Row{Offset: last.Position, Msg: message.NewMessage(last.ID.String(), nil)}, nil
}

func (schema) SchemaInitializingQueries(string) []wsql.Query { return nil }

func (schema) SubscribeIsolationLevel() sql.IsolationLevel { return sql.LevelDefault }

// offsets keeps one row per consumer group. It must exist before it can be locked.
type offsets struct{ dialect eventstore.Dialect }

var _ wsql.OffsetsAdapter = offsets{}

func (a offsets) AckMessageQuery(topic string, row wsql.Row, group string) wsql.Query {
	return wsql.Query{Query: a.dialect.Pick(offsetAckSQLite, offsetAck), Args: []any{row.Offset, topic, group}}
}

func (offsets) ConsumedMessageQuery(string, wsql.Row, string, []byte) wsql.Query { return wsql.Query{} }

// NextOffsetQuery is for the select of watermill-sql's own schema: ours reads the
// offset itself.
func (offsets) NextOffsetQuery(string, string) wsql.Query { return wsql.Query{} }

func (offsets) SchemaInitializingQueries(string) []wsql.Query { return nil }

func (offsets) BeforeSubscribingQueries(topic, group string) []wsql.Query {
	return []wsql.Query{{Query: offsetAdd, Args: []any{topic, group}}}
}
