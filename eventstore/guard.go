package eventstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// guardFields lists the columns of scraper_guard after its key, and the field of the
// guard that each one holds.
//
// A new column needs a migration for each dialect (with NULL or a DEFAULT), which on
// PostgreSQL replaces the functions append_decide and append_to_log as well, and a line here.
var guardFields = []struct {
	column string
	zero   string                  // what stands for a row that is missing
	of     func(*domain.Guard) any // scans the column
}{
	{"open_run", `NULL`, func(g *domain.Guard) any { return (*runColumn)(&g.OpenRun) }},
	{"instance", `''`, func(g *domain.Guard) any { return &g.Instance }},
	{"lost_run", `NULL`, func(g *domain.Guard) any { return (*runColumn)(&g.LostRun) }},
	{"restored", `false`, func(g *domain.Guard) any { return &g.Restored }},
	{"paused", `false`, func(g *domain.Guard) any { return &g.Paused }},
	{"removed", `false`, func(g *domain.Guard) any { return &g.Removed }},
	{"last_due", `NULL`, func(g *domain.Guard) any { return (*timeColumn)(&g.LastDue) }},
	{"gap", `''`, func(g *domain.Guard) any { return &g.Gap }},
	{"success_within", `0`, func(g *domain.Guard) any { return &g.Expect.Within }},
	{"expected_since", `NULL`, func(g *domain.Guard) any { return (*timeColumn)(&g.Expect.Since) }},
	{"last_success", `NULL`, func(g *domain.Guard) any { return (*timeColumn)(&g.Expect.LastSuccess) }},
	{"overdue_since", `NULL`, func(g *domain.Guard) any { return (*timeColumn)(&g.Expect.OverdueSince) }},
}

var (
	guardColumns = guardList(func(_ int, column, _ string) string { return column })
	// guardOrZero are those after the key, also where there is no row.
	guardOrZero = guardList(func(_ int, column, zero string) string { return "coalesce(" + column + ", " + zero + ")" })

	guardSelect = `SELECT scraper, ` + guardColumns + ` FROM scraper_guard`
	guardGet    = guardSelect + ` WHERE scraper = $1`
	guardPut    = `INSERT INTO scraper_guard (scraper, ` + guardColumns + `)
		VALUES ($1, ` + guardList(func(i int, _, _ string) string { return "$" + strconv.Itoa(i+2) }) + `)
		ON CONFLICT (scraper) DO UPDATE SET ` + guardList(func(_ int, column, _ string) string { return column + " = excluded." + column })
)

// guardList lists something of each column.
func guardList(item func(i int, column, zero string) string) string {
	var list []string
	for i, field := range guardFields {
		list = append(list, item(i, field.column, field.zero))
	}
	return strings.Join(list, ", ")
}

// guardArgs are the values of guardPut.
func guardArgs(g domain.Guard) []any { return append([]any{g.Scraper}, guardValues(&g)...) }

// guardValues returns the values of guardFields as the database has them.
func guardValues(g *domain.Guard) guardRow {
	values := make(guardRow, len(guardFields))
	for i, field := range guardFields {
		values[i] = guardValue(field.of(g))
	}
	return values
}

// guardValue returns the value of a field of a guard, nil for NULL.
func guardValue(field any) any {
	switch p := field.(type) {
	case *runColumn:
		if *p != (runColumn{}) {
			return *p
		}
		return nil
	case *timeColumn:
		if !time.Time(*p).IsZero() {
			return time.Time(*p).UnixNano()
		}
		return nil
	case *domain.SkipReason:
		return string(*p)
	case *domain.Duration:
		return int64(*p)
	case *string:
		return *p
	case *bool:
		return *p
	default:
		panic(fmt.Sprintf("no column of scraper_guard holds a %T", p))
	}
}

// sameField reports whether two guards have the same value in a field.
func sameField(p, q any) bool {
	switch p := p.(type) {
	case *runColumn:
		return *p == *q.(*runColumn)
	case *timeColumn:
		return time.Time(*p).Equal(time.Time(*q.(*timeColumn)))
	case *string:
		return *p == *q.(*string)
	case *bool:
		return *p == *q.(*bool)
	default:
		return guardValue(p) == guardValue(q)
	}
}

func scanGuard(row Scanner) (g domain.Guard, err error) {
	into := []any{&g.Scraper}
	for _, field := range guardFields {
		into = append(into, field.of(&g))
	}
	return g, row.Scan(into...)
}

// runColumn is NULL where there is no run.
type runColumn uuid.UUID

// Scan implements sql.Scanner.
func (c *runColumn) Scan(value any) error {
	var id uuid.NullUUID
	err := id.Scan(value)
	*c = runColumn(id.UUID)
	return err
}

// Value implements driver.Valuer.
func (c runColumn) Value() (driver.Value, error) {
	return uuid.UUID(c).String(), nil
}

// timeColumn is a time in unix nanoseconds, or NULL.
type timeColumn time.Time

// Scan implements sql.Scanner.
func (c *timeColumn) Scan(value any) error {
	var nanos sql.NullInt64
	if err := nanos.Scan(value); err != nil {
		return err
	}
	if *c = (timeColumn{}); nanos.Valid {
		*c = timeColumn(time.Unix(0, nanos.Int64).UTC())
	}
	return nil
}

// Guard is the scraper's guard row; the zero guard of that name when nothing
// has happened to it.
func (s *Store) Guard(ctx context.Context, scraper string) (domain.Guard, error) {
	g, err := scanGuard(s.From(ctx).QueryRowContext(ctx, guardGet, scraper))
	if errors.Is(err, sql.ErrNoRows) {
		return domain.Guard{Scraper: scraper}, nil
	}
	return g, Unavailable(ctx, "guard of "+scraper, err)
}

// Guards lists the guard rows by name.
func (s *Store) Guards(ctx context.Context) ([]domain.Guard, error) {
	return listGuards(ctx, s.From(ctx))
}

func listGuards(ctx context.Context, from Querier) ([]domain.Guard, error) {
	return Select(ctx, from, "guards", scanGuard, guardSelect+` ORDER BY scraper`)
}

// guardTimes lists the times of a guard in the order of guardFields.
func guardTimes(g *domain.Guard) [4]*time.Time {
	return [...]*time.Time{&g.LastDue, &g.Expect.Since, &g.Expect.LastSuccess, &g.Expect.OverdueSince}
}

// sameGuard compares times as instants; == would compare their zones as well. What an
// older program has left of an expectation that is none does not count.
func sameGuard(a, b domain.Guard) bool {
	for _, g := range []*domain.Guard{&a, &b} {
		if g.Expect.Within == 0 {
			g.Expect = domain.Expectation{}
		}
	}
	for i, at := range guardTimes(&a) {
		other := guardTimes(&b)[i]
		if !at.Equal(*other) {
			return false
		}
		*at, *other = time.Time{}, time.Time{}
	}
	return a == b
}

// guardDiff names the columns in which a row differs from what the log says, with both
// values as the database has them.
func guardDiff(row, want domain.Guard) string {
	var list []string
	is, should := guardValues(&row), guardValues(&want)
	for i, field := range guardFields {
		if is[i] != should[i] {
			list = append(list, fmt.Sprintf("%s is %s, by the log %s", field.column, columnText(is[i]), columnText(should[i])))
		}
	}
	return strings.Join(list, "; ")
}

func columnText(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case runColumn:
		return uuid.UUID(v).String()
	case string:
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}
