package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"scrapelog/eventstore"
)

const addNotice = `INSERT INTO notices (id, channel, kind, type, subject, position, state, open, cause, body, created_at, next_attempt)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING`

// Add adds notices in the transaction of ctx, in order. One that is there already
// stays as it is.
func (o *Outbox) Add(ctx context.Context, notices ...Notice) error {
	for _, n := range notices {
		cause := sql.NullString{String: n.Cause.String(), Valid: n.Cause != uuid.Nil}
		body := sql.NullString{String: string(n.Body), Valid: n.Body != nil}
		_, err := o.Exec(ctx, "add notice", addNotice, n.ID.String(), n.Channel, string(n.Kind), n.Type, n.Subject, n.Position,
			string(n.State), n.Open, cause, body, n.CreatedAt.UnixMicro(), n.NextAttempt.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

const openNotices = `SELECT ` + columns + ` FROM notices WHERE open AND subject IN (%s) ORDER BY seq`

// Open returns the notices of these subjects that tell a beginning whose end was not
// told yet.
func (o *Outbox) Open(ctx context.Context, subjects ...string) ([]Notice, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	return all(ctx, o.From(ctx), "open notices", fmt.Sprintf(openNotices, places(len(subjects))), anys(subjects)...)
}

// End records that the end of what a notice tells is told.
func (o *Outbox) End(ctx context.Context, n Notice) error {
	open := false // PostgreSQL and SQLite write it differently
	_, err := o.Exec(ctx, "end notice", `UPDATE notices SET open = $1 WHERE seq = $2`, open, n.Seq)
	return err
}

const markedScrapers = `SELECT scraper, kind FROM notice_marks WHERE scraper IN (%s)`

// Mark says that a scraper is in trouble of a kind.
type Mark struct {
	Scraper string
	Kind    Kind
}

// Marks returns the marks of these scrapers.
func (o *Outbox) Marks(ctx context.Context, scrapers ...string) (map[Mark]bool, error) {
	marks := map[Mark]bool{}
	if len(scrapers) == 0 {
		return marks, nil
	}
	err := eventstore.EachRow(ctx, o.From(ctx), fmt.Sprintf(markedScrapers, places(len(scrapers))), anys(scrapers), func(row eventstore.Scanner) error {
		var m Mark
		err := row.Scan(&m.Scraper, &m.Kind)
		marks[m] = true
		return err
	})
	return marks, eventstore.Unavailable(ctx, "marks", err)
}

// SetMark marks a scraper, or takes the mark away.
func (o *Outbox) SetMark(ctx context.Context, m Mark, on bool) error {
	statement := `DELETE FROM notice_marks WHERE scraper = $1 AND kind = $2`
	if on {
		statement = `INSERT INTO notice_marks (scraper, kind) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	}
	_, err := o.Exec(ctx, "mark scraper", statement, m.Scraper, string(m.Kind))
	return err
}

const (
	beginGroup = `INSERT INTO consumer_offsets (topic, consumer_group, position) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	addChannel = `INSERT INTO notice_channels (name, since) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	getChannel = `SELECT since FROM notice_channels WHERE name = $1`
)

// Begin lets a consumer group begin at the end of the log, unless it has begun
// before: nothing of the history is told. marks are the scrapers in trouble then.
func (o *Outbox) Begin(ctx context.Context, group string, marks func(ctx context.Context) ([]Mark, error)) error {
	return o.InTx(ctx, func(ctx context.Context, _ *sql.Tx) error {
		head, err := o.Head(ctx)
		if err != nil {
			return err
		}
		added, err := o.Exec(ctx, "begin "+group, beginGroup, eventstore.Topic, group, head)
		if err != nil || added == 0 {
			return err
		}
		begun, err := marks(ctx)
		if err != nil {
			return err
		}
		for _, m := range begun {
			if err := o.SetMark(ctx, m, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// Since returns the position of the log after which a channel is told: where the log
// ended when the channel was first named here.
func (o *Outbox) Since(ctx context.Context, channel string) (since int64, err error) {
	err = o.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		head, err := o.Head(ctx)
		if err != nil {
			return err
		}
		if _, err := o.Exec(ctx, "add channel", addChannel, channel, head); err != nil {
			return err
		}
		err = tx.QueryRowContext(ctx, getChannel, channel).Scan(&since)
		return eventstore.Unavailable(ctx, "channel", err)
	})
	return since, err
}

// places returns "$1, $2, …".
func places(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("$%d", i+1)
	}
	return strings.Join(list, ", ")
}

func anys(list []string) []any {
	args := make([]any, len(list))
	for i, s := range list {
		args[i] = s
	}
	return args
}
