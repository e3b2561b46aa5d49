package projections_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"scrapelog/eventstore"
)

// copies is what a rebuild cannot be faster than: it reads the log in pages and
// upserts, page by page, the rows that a rebuild has made before, without looking
// into an event.
type copies struct {
	store  *eventstore.Store
	tables []*copied
}

type copied struct {
	name, key string
	lite      bool
	columns   []string
	rows      map[string][]any // by stream
}

func newCopies(ctx context.Context, s *eventstore.Store) (*copies, error) {
	lite := s.Dialect() == eventstore.SQLite
	c := &copies{store: s, tables: []*copied{{name: "runs", key: "id", lite: lite}, {name: "scrapers", key: "name", lite: lite}}}
	for _, t := range c.tables {
		if err := t.load(ctx, s.Reader()); err != nil {
			return nil, fmt.Errorf("copy of %s: %w", t.name, err)
		}
	}
	return c, nil
}

// load reads the rows, under the names of the streams that they follow from.
func (t *copied) load(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+t.name)
	if err != nil {
		return err
	}
	defer rows.Close()
	if t.columns, err = rows.Columns(); err != nil {
		return err
	}
	t.rows = map[string][]any{}
	for rows.Next() {
		values, into := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		stream := fmt.Sprintf("run-%s", values[0])
		if t.name == "scrapers" {
			stream = fmt.Sprintf("scraper-%s", values[0])
		}
		t.rows[stream] = values
	}
	return rows.Err()
}

func (t *copied) make(ctx context.Context, s *eventstore.Store) error {
	return s.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []string{
			"DROP TABLE IF EXISTS copied_" + t.name,
			"CREATE TABLE copied_" + t.name + " AS SELECT * FROM " + t.name + " WHERE false",
			"CREATE UNIQUE INDEX copied_" + t.name + "_key ON copied_" + t.name + " (" + t.key + ")",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

const copyPage = 1000

func (c *copies) run(ctx context.Context) error {
	for _, t := range c.tables {
		if err := t.make(ctx, c.store); err != nil {
			return fmt.Errorf("copy of %s: %w", t.name, err)
		}
	}
	for after := int64(0); ; {
		streams, last, err := readPage(ctx, c.store.Reader(), after)
		if err != nil || len(streams) == 0 {
			return err
		}
		after = last
		err = c.store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			for _, t := range c.tables {
				if err := t.upsert(ctx, tx, streams); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// readPage reads all that there is of an event, and keeps its stream.
func readPage(ctx context.Context, db *sql.DB, after int64) (streams map[string]struct{}, last int64, err error) {
	rows, err := db.QueryContext(ctx, `SELECT position, stream, version, id, type, recorded_at, data, metadata
		FROM events WHERE position > $1 ORDER BY position LIMIT $2`, after, copyPage)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	streams = map[string]struct{}{}
	for rows.Next() {
		var version, at int64
		var stream, id, kind string
		var data, metadata []byte
		if err := rows.Scan(&last, &stream, &version, &id, &kind, &at, &data, &metadata); err != nil {
			return nil, 0, err
		}
		streams[stream] = struct{}{}
	}
	return streams, last, rows.Err()
}

const together = 100 // rows of one INSERT

func (t *copied) upsert(ctx context.Context, tx *sql.Tx, streams map[string]struct{}) error {
	var args []any
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, t.insert(n), args...)
		args, n = nil, 0
		return err
	}
	for stream := range streams {
		row, ok := t.rows[stream]
		if !ok {
			continue
		}
		args = append(args, row...)
		if n++; n == together {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (t *copied) insert(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO copied_%s (%s) VALUES ", t.name, strings.Join(t.columns, ", "))
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(")
		for column := range t.columns {
			if column > 0 {
				b.WriteString(", ")
			}
			if t.lite { // which takes $1 for a name, and looks for it among all others
				b.WriteString("?")
			} else {
				fmt.Fprintf(&b, "$%d", i*len(t.columns)+column+1)
			}
		}
		b.WriteString(")")
	}
	fmt.Fprintf(&b, " ON CONFLICT (%s) DO UPDATE SET ", t.key)
	for i, column := range t.columns[1:] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s = excluded.%s", column, column)
	}
	return b.String()
}
