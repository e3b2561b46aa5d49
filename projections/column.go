package projections

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// field is where a column is scanned to and what is written to it.
type field interface {
	sql.Scanner
	driver.Valuer
	sqlType() string // in both databases
	notNull() bool   // it always has a value
}

func (text[T]) sqlType() string   { return "text" }
func (micros) sqlType() string    { return "bigint" }
func (id) sqlType() string        { return "text" }
func (tail) sqlType() string      { return "bigint" }
func (maybe) sqlType() string     { return "bigint" }
func (number[T]) sqlType() string { return "bigint" }
func (positive) sqlType() string  { return "bigint" }
func (flag) sqlType() string      { return "boolean" }
func (document) sqlType() string  { return "text" }

func (text[T]) notNull() bool   { return false }
func (micros) notNull() bool    { return false }
func (id) notNull() bool        { return false }
func (tail) notNull() bool      { return true }
func (maybe) notNull() bool     { return false }
func (number[T]) notNull() bool { return true }
func (positive) notNull() bool  { return false }
func (flag) notNull() bool      { return true }
func (document) notNull() bool  { return true }

// text is a column of text in which NULL stands for the empty string.
type text[T ~string | ~[]byte] struct{ to *T }

func (c text[T]) Scan(src any) error {
	return scan(src, func(s string) error { *c.to = T(s); return nil })
}

// Value replaces NUL, which JSON can hold and PostgreSQL's text cannot: a reason that a
// person typed must not block a projection.
func (c text[T]) Value() (driver.Value, error) {
	if len(*c.to) == 0 {
		return nil, nil
	}
	return storedText(string(*c.to)), nil
}

// storedText returns a text as a row can hold it. A fold that compares texts must see
// the same whether they came from an event or from a row.
func storedText[T ~string](s T) T { return T(strings.ReplaceAll(string(s), "\x00", "\uFFFD")) }

// micros is a time in unix microseconds; NULL stands for the zero time.
type micros struct{ to *time.Time }

func (c micros) Scan(src any) error {
	return scan(src, func(n int64) error { *c.to = time.UnixMicro(n).UTC(); return nil })
}

func (c micros) Value() (driver.Value, error) {
	if c.to.IsZero() {
		return nil, nil
	}
	return c.to.UnixMicro(), nil
}

// id is a UUID as text; NULL stands for uuid.Nil.
type id struct{ to *uuid.UUID }

func (c id) Scan(src any) error {
	return scan(src, func(s string) (err error) { *c.to, err = uuid.Parse(s); return err })
}

func (c id) Value() (driver.Value, error) {
	if *c.to == uuid.Nil {
		return nil, nil
	}
	return c.to.String(), nil
}

// tail is a column that follows from the id of its row; see tailOf.
type tail struct{ of *uuid.UUID }

// Scan implements sql.Scanner. The id's own column has it all.
func (tail) Scan(any) error { return nil }

func (c tail) Value() (driver.Value, error) { return tailOf(*c.of), nil }

// maybe is a number that may be unset.
type maybe struct{ to **int64 }

func (c maybe) Scan(src any) error { return scan(src, func(n int64) error { *c.to = &n; return nil }) }

func (c maybe) Value() (driver.Value, error) {
	if *c.to == nil {
		return nil, nil
	}
	return **c.to, nil
}

// number is a number that is never NULL.
type number[T ~int | ~int64] struct{ to *T }

func (c number[T]) Scan(src any) error {
	return scan(src, func(n int64) error { *c.to = T(n); return nil })
}

func (c number[T]) Value() (driver.Value, error) { return int64(*c.to), nil }

// positive is a number; NULL stands for zero.
type positive struct{ to *int64 }

func (c positive) Scan(src any) error { return number[int64](c).Scan(src) }

func (c positive) Value() (driver.Value, error) {
	if *c.to == 0 {
		return nil, nil
	}
	return *c.to, nil
}

// flag is a boolean.
type flag struct{ to *bool }

func (c flag) Scan(src any) error { return scan(src, func(b bool) error { *c.to = b; return nil }) }

func (c flag) Value() (driver.Value, error) { return *c.to, nil }

// document is a value kept as its JSON.
type document struct{ to any }

func (c document) Scan(src any) error {
	return scan(src, func(s string) error { return json.Unmarshal([]byte(s), c.to) })
}

func (c document) Value() (driver.Value, error) {
	data, err := json.Marshal(c.to)
	return string(data), err
}

// scan hands a column that is not NULL to set, as a T.
func scan[T any](src any, set func(T) error) error {
	var column sql.Null[T]
	if err := column.Scan(src); err != nil {
		return fmt.Errorf("scan column: %w", err)
	}
	if !column.Valid {
		return nil
	}
	return set(column.V)
}
