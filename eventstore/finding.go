package eventstore

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Finding is the result of a verification or a replay that a person asked for.
type Finding struct {
	Kind   string // one is kept of each kind
	At     time.Time
	Result []byte // JSON
}

// KeepFinding stores a finding in place of the last one of its kind.
func (s *Store) KeepFinding(ctx context.Context, f Finding) error {
	_, err := s.Exec(ctx, "keep finding", `INSERT INTO findings (kind, found_at, result) VALUES ($1, $2, $3)
		ON CONFLICT (kind) DO UPDATE SET found_at = excluded.found_at, result = excluded.result`,
		f.Kind, f.At.UnixMicro(), string(f.Result))
	return err
}

// LastFinding returns the finding of a kind and whether there is one.
func (s *Store) LastFinding(ctx context.Context, kind string) (f Finding, found bool, err error) {
	err = s.From(ctx).QueryRowContext(ctx, `SELECT kind, found_at, result FROM findings WHERE kind = $1`, kind).Scan(&f.Kind, Micros{&f.At}, &f.Result)
	if errors.Is(err, sql.ErrNoRows) {
		return Finding{}, false, nil
	}
	return f, err == nil, Unavailable(ctx, "last finding", err)
}
