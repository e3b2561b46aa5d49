package outbox

import (
	"context"
	"maps"
	"slices"
	"time"

	"scrapelog/eventstore"
)

const (
	allTroubles   = `SELECT trouble, min(since) FROM notice_troubles GROUP BY trouble`
	forgetDead    = `DELETE FROM notice_troubles WHERE instance <> $1 AND instance NOT IN (SELECT id FROM live_instances)`
	forgetTrouble = `DELETE FROM notice_troubles WHERE instance = $1 AND trouble = $2`
	addTrouble    = `INSERT INTO notice_troubles (trouble, instance, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
)

// Troubles replaces what an instance sees as wrong, and drops what dead instances saw.
// It returns what any instance saw before and what any sees now, each with the time
// since when. It must run in a transaction in which no other instance does the same.
func (o *Outbox) Troubles(ctx context.Context, instance string, seen []string, now time.Time) (before, after map[string]time.Time, err error) {
	if before, err = o.troubles(ctx); err != nil {
		return nil, nil, err
	}
	if _, err := o.Exec(ctx, "troubles", forgetDead, instance); err != nil {
		return nil, nil, err
	}
	for _, trouble := range slices.Sorted(maps.Keys(before)) {
		if slices.Contains(seen, trouble) {
			continue
		}
		if _, err := o.Exec(ctx, "troubles", forgetTrouble, instance, trouble); err != nil {
			return nil, nil, err
		}
	}
	for _, trouble := range seen {
		since := now
		if known, ok := before[trouble]; ok {
			since = known
		}
		if _, err := o.Exec(ctx, "troubles", addTrouble, trouble, instance, since.UnixMicro()); err != nil {
			return nil, nil, err
		}
	}
	after, err = o.troubles(ctx)
	return before, after, err
}

func (o *Outbox) troubles(ctx context.Context) (map[string]time.Time, error) {
	found := map[string]time.Time{}
	err := eventstore.EachRow(ctx, o.From(ctx), allTroubles, nil, func(row eventstore.Scanner) error {
		var name string
		var since time.Time
		err := row.Scan(&name, eventstore.Micros{To: &since})
		found[name] = since
		return err
	})
	return found, eventstore.Unavailable(ctx, "troubles", err)
}
