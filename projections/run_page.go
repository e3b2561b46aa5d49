package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"scrapelog/domain"
)

// Runs returns the runs that f chooses, newest first. A filter that cannot be
// met is a *domain.FieldError.
func (q *Queries) Runs(ctx context.Context, f RunFilter) (RunPage, error) {
	if err := f.validate(); err != nil {
		return RunPage{}, err
	}
	if f.Text != "" {
		return q.runsWith(ctx, f)
	}
	limit := cmp.Or(f.Limit, DefaultLimit)
	query, args, err := f.statement(limit + 1)
	if err != nil {
		return RunPage{}, err
	}
	runs, err := q.runs(ctx, query, args...)
	if err != nil || len(runs) <= limit {
		return RunPage{Runs: runs}, err
	}
	last := runs[limit-1]
	return RunPage{Runs: runs[:limit], Next: cursor{last.StartedAt.UnixMicro(), last.StartPosition}.String()}, nil
}

const newestRuns = `SELECT * FROM runs
WHERE started_at >= $1 AND (started_at, started) < ($2, $3)
ORDER BY started_at DESC, started DESC LIMIT $4`

const newestRunsOfScraper = `SELECT * FROM runs
WHERE scraper = $5 AND started_at >= $1 AND (started_at, started) < ($2, $3)
ORDER BY started_at DESC, started DESC LIMIT $4`

// statement chooses the query whose index serves the filter.
func (f RunFilter) statement(limit int) (query string, args []any, err error) {
	top, err := topOf(f.Until, f.Cursor)
	if err != nil {
		return "", nil, err
	}
	args = []any{from(f.Since), top.startedAt, top.position, limit}
	narrow := len(f.Statuses) > 0 || f.Trigger != ""
	switch {
	case f.Short:
		query, args = f.short(args)
	case f.Scraper == "" && !narrow:
		return newestRuns, args, nil
	case !narrow:
		return newestRunsOfScraper, append(args, f.Scraper), nil
	case f.Scraper == "":
		query, args = f.branches("", "", args)
	default:
		query, args = f.branches("scraper = $5 AND ", "runs.scraper = $5 AND ", append(args, f.Scraper))
	}
	return query, args, nil
}

const shortRuns = `SELECT * FROM runs
WHERE min_items IS NOT NULL AND started_at >= $1 AND (started_at, started) < ($2, $3)%s
ORDER BY started_at DESC, started DESC LIMIT $4`

// short walks along the index of short runs, which are few.
func (f RunFilter) short(args []any) (string, []any) {
	only, args := f.amongShort(args)
	return fmt.Sprintf(shortRuns, only), args
}

// amongShort returns the conditions of the rest of the filter on short runs.
func (f RunFilter) amongShort(args []any) (only string, _ []any) {
	for _, equal := range [][2]string{{"scraper", f.Scraper}, {"trigger", string(f.Trigger)}} {
		if equal[1] != "" {
			args = append(args, equal[1])
			only += fmt.Sprintf(" AND %s = $%d", equal[0], len(args))
		}
	}
	if len(f.Statuses) > 0 && !slices.Contains(f.Statuses, domain.StatusCompleted) {
		only += " AND status <> 'completed'" // none: short runs have completed
	}
	return only, args
}

// branches has one query for each wanted pair of status and trigger, and merges the
// answers. Each is a short walk along one index; "status IN (…)" in this order would read
// every row that does not match. The index has the columns that a branch needs, and only
// the chosen rows are fetched.
func (f RunFilter) branches(ofScraper, runsOfScraper string, args []any) (string, []any) {
	var branches []string
	statuses := slices.Clone(or(f.Statuses, domain.Statuses[:]))
	slices.Sort(statuses)
	for _, status := range slices.Compact(statuses) {
		for _, trigger := range or(one(f.Trigger), domain.Triggers[:]) {
			args = append(args, string(status), string(trigger))
			branches = append(branches, fmt.Sprintf(pageBranch, ofScraper, len(args)-1, len(args)))
		}
	}
	return fmt.Sprintf(chosenRuns, strings.Join(branches, "\nUNION ALL\n"), runsOfScraper), args
}

// pageBranch finds runs of one status and one trigger in an index.
const pageBranch = `SELECT * FROM (
SELECT status, trigger, started_at, started FROM runs
WHERE %sstatus = $%d AND trigger = $%d AND started_at >= $1 AND (started_at, started) < ($2, $3)
ORDER BY started_at DESC, started DESC LIMIT $4) AS branch`

// chosenRuns fetches the rows that the branches have found.
const chosenRuns = `SELECT runs.* FROM (
%s
ORDER BY started_at DESC, started DESC LIMIT $4
) AS chosen
JOIN runs ON %sruns.status = chosen.status AND runs.trigger = chosen.trigger
 AND runs.started_at = chosen.started_at AND runs.started = chosen.started
ORDER BY chosen.started_at DESC, chosen.started DESC`

// one is a list of what is set.
func one(t domain.Trigger) []domain.Trigger {
	if t == "" {
		return nil
	}
	return []domain.Trigger{t}
}

// or is wanted, or everything if nothing in particular is wanted.
func or[T any](wanted, everything []T) []T {
	if len(wanted) == 0 {
		return everything
	}
	return wanted
}
