package eventstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// RawRows yields the rows of a query on a PostgreSQL connection as the wire has them:
// numbers in binary, big-endian, and NULL as nil. The columns are valid until yield
// returns. It belongs to the transaction that the connection is in. Scanning the same
// rows through database/sql takes about twice the time.
func RawRows(ctx context.Context, conn *sql.Conn, query string, args []any, yield func(columns [][]byte)) error {
	return conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("%w: %T is not a connection to PostgreSQL", ErrUnavailable, driver)
		}
		formats := pgx.QueryResultFormats{pgx.BinaryFormatCode}
		rows, err := c.Conn().Query(ctx, query, append([]any{formats}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			yield(rows.RawValues())
		}
		return rows.Err()
	})
}
