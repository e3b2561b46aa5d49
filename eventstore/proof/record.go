package proof

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// verifiedBy is the actor of the event of a verification.
const verifiedBy = "verifier"

// Record records a verification as an event.
func Record(ctx context.Context, store *eventstore.Store, r Result) (domain.LogVerified, error) {
	e := domain.LogVerified{
		At: time.Now().UTC().Truncate(time.Microsecond), UpTo: r.Sealed, Root: r.Root, Result: string(r.Verdict), Whole: r.Since == 0, TookMS: r.TookMS,
	}
	if r.Verdict != Intact {
		e.Says = domain.Shorten(r.Says, domain.MaxText)
	}
	return e, record(ctx, store, e, verifiedBy)
}

// RecordRead records that a log is about to be given out.
func RecordRead(ctx context.Context, store *eventstore.Store, e domain.LogRead) error {
	return record(ctx, store, e, e.By)
}

// record appends an event to the stream of the log. It tries again while other processes
// append to that stream.
func record(ctx context.Context, store *eventstore.Store, e domain.Event, actor string) error {
	for {
		err := store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return tellLog(ctx, store, tx, e, actor) })
		if !errors.Is(err, eventstore.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}

// tellLog appends an event to the stream of the log.
func tellLog(ctx context.Context, store *eventstore.Store, tx *sql.Tx, e domain.Event, actor string) error {
	var version int64
	err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM events WHERE stream = $1`, domain.LogStream).Scan(&version)
	if err != nil {
		return unavailable(ctx, "stream of the log", err)
	}
	_, err = store.Append(ctx, eventstore.Append{Stream: domain.LogStream, Expected: version, Events: []eventstore.NewEvent{{
		Event: e, Metadata: eventstore.Metadata{"actor": actor},
	}}})
	return err
}

// WholeAt returns when all events were last found to be as they were signed; the zero
// time if that is not kept.
func WholeAt(files Files) time.Time {
	key, err := ReadKey(files.Key)
	if err != nil {
		return time.Time{}
	}
	content, err := ReadFile(files.verifiedFile(), longestVerified)
	if err != nil {
		return time.Time{}
	}
	v, err := parseVerification(string(content), key.Verifier)
	if err != nil {
		return time.Time{}
	}
	return v.wholeAt
}
