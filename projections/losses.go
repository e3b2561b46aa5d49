package projections

import (
	"context"
	"fmt"
	"time"

	"scrapelog/domain"
)

// Loss is a run that lost its connection, and when the run that recovered it started.
type Loss struct {
	Run         Run
	RestartedAt time.Time // zero: no run has recovered it
}

// withRestarts joins lost runs with those that recovered them.
const withRestarts = `SELECT lost.*, next.started_at FROM (
%s
) AS lost
LEFT JOIN runs AS next ON next.id = lost.recovered_by
ORDER BY lost.started_at DESC, lost.started DESC`

// LossesOf returns the last runs of a scraper that lost their connection, newest first.
func (q *Queries) LossesOf(ctx context.Context, scraper string, limit int) (losses []Loss, err error) {
	query, args, err := lossesQuery(scraper, limit)
	if err != nil {
		return nil, err
	}
	err = each(ctx, q.db, query, args, func(scan func(...any) error) error {
		var l Loss
		err := scan(append(fieldsOf(l.Run.columns()), micros{&l.RestartedAt})...)
		losses = append(losses, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("losses of %s: %w", scraper, err)
	}
	return losses, nil
}

func lossesQuery(scraper string, limit int) (query string, args []any, err error) {
	lost, args, err := RunFilter{Scraper: scraper, Statuses: []domain.RunStatus{domain.StatusConnectionFailed}}.statement(limit)
	return fmt.Sprintf(withRestarts, lost), args, err
}
