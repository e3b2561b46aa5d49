package outbox

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Filter chooses notices. The zero value chooses all of them.
type Filter struct {
	States  []State // any of these; none: every state
	Channel string
	Kind    Kind
	Since   time.Time // created at or after it
	Until   time.Time // created before it
	Before  int64     // Seq: older than this notice; 0: from the newest
	Limit   int
}

// List returns the notices that f chooses, newest first.
func (o *Outbox) List(ctx context.Context, f Filter) ([]Notice, error) {
	before := f.Before
	if before == 0 {
		before = math.MaxInt64
	}
	args := []any{before}
	arg := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	}
	where := []string{"seq < $1"}
	if len(f.States) > 0 {
		in := make([]string, len(f.States))
		for i, s := range f.States {
			in[i] = arg(string(s))
		}
		where = append(where, "state IN ("+strings.Join(in, ", ")+")")
	}
	if f.Channel != "" {
		where = append(where, "channel = "+arg(f.Channel))
	}
	if f.Kind != "" {
		where = append(where, "kind = "+arg(string(f.Kind)))
	}
	if !f.Since.IsZero() {
		where = append(where, "created_at >= "+arg(f.Since.UnixMicro()))
	}
	if !f.Until.IsZero() {
		where = append(where, "created_at < "+arg(f.Until.UnixMicro()))
	}
	query := "SELECT " + columns + " FROM notices WHERE " + strings.Join(where, " AND ") + " ORDER BY seq DESC LIMIT " + arg(f.Limit)
	return all(ctx, o.From(ctx), "notices", query, args...)
}

const noticesLike = `SELECT id FROM notices WHERE replace(id, '-', '') LIKE $1 ORDER BY seq DESC LIMIT 6`

// Find returns the id of the notice that a part of its id, or domain.Latest, names, as
// domain.FindID does.
func (o *Outbox) Find(ctx context.Context, field, text string) (uuid.UUID, error) {
	const newestNotice = `SELECT id FROM notices ORDER BY seq DESC LIMIT 1`
	ids := func(query string, args ...any) ([]uuid.UUID, error) {
		return eventstore.Select(ctx, o.From(ctx), "find notice", eventstore.Value[uuid.UUID], query, args...)
	}
	return domain.FindID(field, text, func() ([]uuid.UUID, error) { return ids(newestNotice) }, func(part domain.IDPart) ([]uuid.UUID, error) {
		return ids(noticesLike, "%"+string(part)+"%")
	})
}

const noticeByID = `SELECT ` + columns + ` FROM notices WHERE id = $1`

// Get returns one notice, or domain.ErrNotFound.
func (o *Outbox) Get(ctx context.Context, id uuid.UUID) (Notice, error) {
	return eventstore.SelectOne(ctx, o.From(ctx), fmt.Sprintf("notice %s", id), scan, noticeByID, id.String())
}

const retry = `UPDATE notices SET state = 'pending', next_attempt = $1, waited = 0, attempts = CASE WHEN state = 'given_up' THEN 0 ELSE attempts END
WHERE id = $2 AND (state = 'given_up' OR state = 'pending' AND claimed_by IS NULL)`

// Retry makes a notice due that waits for its next attempt or was given up. The
// retries of a notice that was given up begin again.
func (o *Outbox) Retry(ctx context.Context, id uuid.UUID, now time.Time) (Notice, error) {
	changed, err := o.Exec(ctx, "retry notice", retry, now.UnixMicro(), id.String())
	if err != nil {
		return Notice{}, err
	}
	n, err := o.Get(ctx, id)
	if err == nil && changed == 0 && n.State != StatePending {
		err = fmt.Errorf("notice %s is %s, there is nothing to retry: %w", id, n.State, domain.ErrConflict)
	}
	return n, err
}

// GivenUp counts the notices that were given up, without those that people asked for.
func (o *Outbox) GivenUp(ctx context.Context) (n int64, err error) {
	err = o.Reader().QueryRowContext(ctx, `SELECT count(*) FROM notices WHERE state = 'given_up' AND kind <> 'test'`).Scan(&n)
	return n, eventstore.Unavailable(ctx, "notices given up", err)
}

// kept is how long a notice that is settled is kept.
const kept = 30 * 24 * time.Hour

const forget = `DELETE FROM notices WHERE created_at < $1 AND NOT open AND state NOT IN ('held', 'pending')`

// Forget removes old notices that are settled.
func (o *Outbox) Forget(ctx context.Context, now time.Time) error {
	_, err := o.Exec(ctx, "forget notices", forget, now.Add(-kept).UnixMicro())
	return err
}
