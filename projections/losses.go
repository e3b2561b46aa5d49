package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Loss is a run that lost its connection, and when the run that recovered it started.
type Loss struct {
	Run         Run
	RestartedAt time.Time // zero: no run has recovered it
}

const startsOf = `SELECT id, started_at FROM runs WHERE id IN (%s)`

// LossesOf returns the last runs of a scraper that lost their connection, newest first.
// It asks twice: joined, SQLite begins with every run of the scraper.
func (q *Queries) LossesOf(ctx context.Context, scraper string, limit int) ([]Loss, error) {
	page, err := q.Runs(ctx, RunFilter{Scraper: scraper, Statuses: []domain.RunStatus{domain.StatusConnectionFailed}, Limit: limit})
	if err != nil {
		return nil, err
	}
	var places []string
	var args []any
	losses := make([]Loss, len(page.Runs))
	for i, run := range page.Runs {
		losses[i].Run = run
		if run.RecoveredBy != uuid.Nil {
			args = append(args, run.RecoveredBy.String())
			places = append(places, fmt.Sprintf("$%d", len(args)))
		}
	}
	if len(args) == 0 {
		return losses, nil
	}
	starts := map[uuid.UUID]time.Time{}
	err = q.each(ctx, "losses of "+scraper, fmt.Sprintf(startsOf, strings.Join(places, ", ")), args, func(row eventstore.Scanner) error {
		var run uuid.UUID
		var at time.Time
		err := row.Scan(id{&run}, micros{&at})
		starts[run] = at
		return err
	})
	for i := range losses {
		losses[i].RestartedAt = starts[losses[i].Run.RecoveredBy]
	}
	return losses, err
}
