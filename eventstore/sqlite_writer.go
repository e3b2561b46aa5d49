package eventstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"

	"modernc.org/sqlite"
)

// writeConnector opens the connection that writes.
type writeConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c writeConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteWriter{sqliteConn: conn.(sqliteConn), kept: map[string]driver.Stmt{}}, nil
}

func newWriteConnector(dsn string) (driver.Connector, error) {
	c, err := sqlite.NewConnector(dsn)
	return writeConnector{c}, err
}

// sqliteConn is what database/sql uses of a connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteWriter is the connection that writes. Appends make their statements on it without
// database/sql, which would take as long as SQLite itself: it starts a goroutine with
// every transaction, and parses BEGIN and COMMIT each time.
type sqliteWriter struct {
	sqliteConn
	kept map[string]driver.Stmt
	args []driver.NamedValue // of the last statement

	end     *end  // of the log, as the last append has left it; nil: not known
	version int64 // of the database then: another process changes it
}

// onWriter runs fn on the connection, which may be within a transaction.
func onWriter(conn *sql.Conn, fn func(w *sqliteWriter) error) error {
	return conn.Raw(func(c any) error { return fn(c.(*sqliteWriter)) })
}

// Close implements driver.Conn. SQLite keeps the file open while there are statements.
func (w *sqliteWriter) Close() error {
	var errs []error
	for _, statement := range w.kept {
		errs = append(errs, statement.Close())
	}
	return errors.Join(append(errs, w.sqliteConn.Close())...)
}

// statement is the query, prepared once, and its arguments.
func (w *sqliteWriter) statement(query string, args []any) (statement driver.Stmt, err error) {
	if statement = w.kept[query]; statement == nil {
		if statement, err = w.Prepare(query); err != nil {
			return nil, err
		}
		w.kept[query] = statement
	}
	w.args = w.args[:0]
	for i, arg := range args {
		if arg, err = driver.DefaultParameterConverter.ConvertValue(arg); err != nil {
			return nil, err
		}
		w.args = append(w.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return statement, nil
}

// exec makes a statement that returns no rows.
func (w *sqliteWriter) exec(query string, args ...any) error {
	statement, err := w.statement(query, args)
	if err == nil {
		_, err = statement.(driver.StmtExecContext).ExecContext(context.Background(), w.args)
	}
	return err
}

// eachRow calls do for every row of a query. It makes no other statement meanwhile.
func (w *sqliteWriter) eachRow(query string, args []any, do func(row Scanner) error) (err error) {
	statement, err := w.statement(query, args)
	if err != nil {
		return err
	}
	rows, err := statement.(driver.StmtQueryContext).QueryContext(context.Background(), w.args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make(sqliteRow, len(rows.Columns()))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(row); err != nil {
			return err
		}
	}
}

// sqliteRow holds the values of a row.
type sqliteRow []driver.Value

// Scan implements Scanner.
func (r sqliteRow) Scan(into ...any) error {
	for i, to := range into {
		if err := scanValue(to, r[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func scanValue(to any, value driver.Value) error {
	if scanner, ok := to.(sql.Scanner); ok {
		return scanner.Scan(value)
	}
	target := reflect.ValueOf(to).Elem()
	switch value := value.(type) {
	case int64:
		switch target.Kind() {
		case reflect.Int64:
			target.SetInt(value)
			return nil
		case reflect.Bool:
			target.SetBool(value != 0)
			return nil
		}
	case string:
		switch target.Kind() {
		case reflect.String:
			target.SetString(value)
			return nil
		case reflect.Slice:
			target.SetBytes([]byte(value))
			return nil
		}
	}
	return fmt.Errorf("%T cannot be read as %s", value, target.Type())
}
