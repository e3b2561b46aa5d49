package outbox

import (
	"context"
	"database/sql"
	"time"

	"scrapelog/eventstore"
)

// Lease is how long a claim lasts: the notice of an instance that died without being
// marked dead is claimed again after it.
const Lease = time.Minute

// farthest is how far ahead the next attempt of a notice can lie. One that lies
// farther was scheduled by a clock that has been set back since: it is due.
const farthest = 2 * time.Hour

// claim takes the oldest due notice of a channel whose subject has no older one that
// is still to be sent.
const claim = `UPDATE notices SET claimed_by = $1, attempts = attempts + 1, next_attempt = $2
WHERE seq = (
  SELECT n.seq FROM notices n
  WHERE n.channel = $3 AND n.state = 'pending' AND (n.next_attempt <= $4 OR n.next_attempt > $5)
    AND NOT EXISTS (
      SELECT 1 FROM notices ahead
      WHERE ahead.subject = n.subject AND ahead.channel = n.channel AND ahead.seq < n.seq AND ahead.state IN ('held', 'pending'))
  ORDER BY n.seq LIMIT 1`

const (
	claimSQLite   = claim + `) RETURNING ` + columns
	claimPostgres = claim + ` FOR UPDATE SKIP LOCKED) AND state = 'pending' RETURNING ` + columns
)

// Claim takes a due notice of a channel for an instance, for as long as Lease. ok is
// false if none is due.
func (o *Outbox) Claim(ctx context.Context, channel, instance string, now time.Time) (n Notice, ok bool, err error) {
	var claimed []Notice
	err = o.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		claimed, err = all(ctx, tx, "claim notice", o.Dialect().Pick(claimSQLite, claimPostgres),
			instance, now.Add(Lease).UnixMicro(), channel, now.UnixMicro(), now.Add(farthest).UnixMicro())
		return err
	})
	if err != nil || len(claimed) == 0 {
		return Notice{}, false, err
	}
	return claimed[0], true, nil
}

const dueChannels = `SELECT DISTINCT channel FROM notices WHERE state = 'pending' AND (next_attempt <= $1 OR next_attempt > $2)`

// Due returns the channels that have notices which are due.
func (o *Outbox) Due(ctx context.Context, now time.Time) ([]string, error) {
	return eventstore.Select(ctx, o.Reader(), "due notices", eventstore.Value[string], dueChannels, now.UnixMicro(), now.Add(farthest).UnixMicro())
}

// Settle records how an attempt ended: State, NextAttempt, Attempts, Waited, SentAt
// and LastError of the notice. It changes nothing if another instance has claimed the
// notice meanwhile, unless the channel took it.
func (o *Outbox) Settle(ctx context.Context, n Notice, instance string) error {
	sent := sql.NullInt64{Int64: n.SentAt.UnixMicro(), Valid: n.State == StateSent}
	lastError := sql.NullString{String: n.LastError, Valid: n.LastError != ""}
	_, err := o.Exec(ctx, "settle notice", settle, string(n.State), n.NextAttempt.UnixMicro(), n.Attempts, n.Waited.Microseconds(), sent, lastError, n.Seq, instance)
	return err
}

const settle = `UPDATE notices SET state = $1, next_attempt = $2, attempts = $3, waited = $4, sent_at = $5, last_error = $6, claimed_by = NULL
WHERE seq = $7 AND state = 'pending' AND (claimed_by = $8 OR $1 = 'sent')`

const (
	orphaned = ` FROM notices WHERE state = 'pending' AND claimed_by IS NOT NULL AND claimed_by NOT IN (SELECT id FROM live_instances)`
	unclaim  = `UPDATE notices SET claimed_by = NULL, next_attempt = $1 WHERE seq IN (SELECT seq` + orphaned + `)`
)

// Unclaim lets the notices that dead instances were sending be claimed at once.
func (o *Outbox) Unclaim(ctx context.Context, now time.Time) error {
	var orphans int64 // nearly always none, which takes no transaction
	err := o.Reader().QueryRowContext(ctx, `SELECT count(*)`+orphaned).Scan(&orphans)
	if err != nil {
		return eventstore.Unavailable(ctx, "unclaim notices", err)
	}
	if orphans > 0 {
		_, err = o.Exec(ctx, "unclaim notices", unclaim, now.UnixMicro())
	}
	return err
}
