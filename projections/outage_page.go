package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// OutageFilter chooses outages. The zero value chooses all of them.
type OutageFilter struct {
	Open    *bool     // nil: open ones and those that have ended
	Origin  string    // any URL of it
	Scraper string    // that lost a run in it
	Since   time.Time // began at or after it
	Until   time.Time // began before it
	Cursor  string    // OutagePage.Next of the page before
	Limit   int       // 1 to MaxLimit; 0: DefaultLimit
}

// OutagePage is one page of outages, newest first.
type OutagePage struct {
	Outages []Outage
	Next    string // the Cursor of the next page; empty: this is the last one
}

// maxLostInPage is how many lost runs the outages of a page have together, beside those
// of the first: each outage lists its scrapers.
const maxLostInPage = 20_000

// Outages returns the outages that f chooses, newest first; fewer than its Limit if
// they are large. A filter that cannot be met is a *domain.FieldError.
func (q *Queries) Outages(ctx context.Context, f OutageFilter) (OutagePage, error) {
	limit, err := limitOf(f.Limit)
	if err != nil {
		return OutagePage{}, err
	}
	query, args, err := f.statement(limit + 1)
	if err != nil {
		return OutagePage{}, err
	}
	outages, err := q.outages(ctx, query, args...)
	if err != nil {
		return OutagePage{}, err
	}
	shown, lost := 0, int64(0)
	for shown < min(limit, len(outages)) && (shown == 0 || lost+outages[shown].RunsLost <= maxLostInPage) {
		lost += outages[shown].RunsLost
		shown++
	}
	page := OutagePage{Outages: outages[:shown]}
	if shown < len(outages) {
		last := outages[shown-1]
		page.Next = cursor{last.StartedAt.UnixMicro(), last.FirstPosition}.String()
	}
	return page, q.addScrapers(ctx, page.Outages)
}

// statement asks by the index of what is rarest: outages that are open, those of a
// scraper, those of an origin.
func (f OutageFilter) statement(limit int) (query string, args []any, err error) {
	top, err := topOf(f.Until, f.Cursor)
	if err != nil {
		return "", nil, err
	}
	args = []any{from(f.Since), top.startedAt, top.position, limit}
	more := ""
	if f.Open != nil {
		more += map[bool]string{true: " AND ended_at IS NULL", false: " AND ended_at IS NOT NULL"}[*f.Open]
	}
	if f.Origin != "" {
		origin := domain.OriginOf(f.Origin)
		if origin == "" {
			return "", nil, &domain.FieldError{
				Field: "origin", Problem: fmt.Sprintf("%.80q is not an origin", f.Origin),
				Want: "use scheme, host and port, such as http://127.0.0.1:9090",
			}
		}
		args = append(args, origin)
		more += fmt.Sprintf(" AND origin = $%d", len(args))
	}
	if f.Scraper == "" {
		return fmt.Sprintf(newestOutages, more), args, nil
	}
	chosen := ""
	if more == "" {
		chosen = " LIMIT $4"
	}
	args = append(args, f.Scraper)
	return fmt.Sprintf(outagesOfScraper, len(args), chosen, more), args, nil
}

const newestOutages = `SELECT * FROM outages
WHERE started_at >= $1 AND (started_at, first_position) < ($2, $3)%s
ORDER BY started_at DESC, first_position DESC LIMIT $4`

const outagesOfScraper = `SELECT outages.* FROM (
SELECT DISTINCT began, first FROM outage_losses
WHERE scraper = $%d AND began >= $1 AND (began, first) < ($2, $3)
ORDER BY began DESC, first DESC%s
) AS chosen
JOIN outages ON started_at = began AND first_position = first%s
ORDER BY began DESC, first DESC LIMIT $4`

const outageByID = `SELECT * FROM outages WHERE id = $1`

// Outage returns one outage, or domain.ErrNotFound.
func (q *Queries) Outage(ctx context.Context, id uuid.UUID) (Outage, error) {
	outages, err := q.outages(ctx, outageByID, id.String())
	if err == nil && len(outages) == 0 {
		err = fmt.Errorf("outage %s: %w", id, domain.ErrNotFound)
	}
	if err != nil {
		return Outage{}, err
	}
	return outages[0], q.addScrapers(ctx, outages)
}

const runsOfOutage = `SELECT runs.* FROM outage_losses AS lost JOIN runs ON runs.id = lost.run
WHERE lost.id BETWEEN $1 AND $2 ORDER BY lost.id LIMIT $3`

// RunsOfOutage returns the first runs that were lost in an outage, in the order of
// their losses.
func (q *Queries) RunsOfOutage(ctx context.Context, outage uuid.UUID, limit int) ([]Run, error) {
	found, err := q.outages(ctx, outageByID, outage.String())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	losses := lossesOf(found[0].FirstPosition)
	return q.runs(ctx, runsOfOutage, losses+"000000000000", losses+"ffffffffffff", limit)
}

// OutageEdge is the begin of an outage, or its end, and the position of the event that
// makes it.
type OutageEdge struct {
	Outage   Outage // as it stands now, which may be later than the edge
	Ended    bool
	Position int64
}

const changedOutages = `SELECT * FROM outages WHERE position > $1 ORDER BY position, id`

// OutageEdges returns the begins and ends after a position, in log order, and the
// position that they are known up to: ask for those after it next. It follows from the
// log which edges there are, so a rebuild brings none back. The scrapers of the outages are
// not filled in: in a storm they are thousands, at each look.
func (q *Queries) OutageEdges(ctx context.Context, after int64) (edges []OutageEdge, reached int64, err error) {
	if reached, err = q.offset(ctx, outageProjection.name); err != nil || reached <= after {
		return nil, after, err
	}
	outages, err := q.outages(ctx, changedOutages, after)
	if err != nil {
		return nil, after, err
	}
	for _, o := range outages {
		if o.FirstPosition > after && o.FirstPosition <= reached {
			edges = append(edges, OutageEdge{o, false, o.FirstPosition})
		}
		if !o.Open() && o.LastPosition > after && o.LastPosition <= reached {
			edges = append(edges, OutageEdge{o, true, o.LastPosition})
		}
	}
	slices.SortFunc(edges, func(a, b OutageEdge) int { return cmp.Compare(a.Position, b.Position) })
	return edges, reached, nil
}

func (q *Queries) outages(ctx context.Context, query string, args ...any) ([]Outage, error) {
	return list(ctx, q, "outages", query, args, func(row eventstore.Scanner) (o Outage, err error) {
		return o, row.Scan(fieldsOf(o.columns())...)
	})
}

const scrapersOfOutages = `SELECT DISTINCT key, scraper FROM json_each($1) JOIN outage_losses AS lost
ON lost.id BETWEEN key || '000000000000' AND key || 'ffffffffffff'`

// addScrapers fills in the scrapers of outages.
func (q *Queries) addScrapers(ctx context.Context, outages []Outage) error {
	wanted := map[string]int{}
	for i := range outages {
		wanted[lossesOf(outages[i].FirstPosition)], outages[i].Scrapers = i, []string{}
	}
	prefixes, err := json.Marshal(wanted)
	if err != nil || len(wanted) == 0 {
		return err
	}
	err = q.each(ctx, "scrapers of outages", scrapersOfOutages, []any{string(prefixes)}, func(row eventstore.Scanner) error {
		var losses, scraper string
		err := row.Scan(&losses, &scraper)
		o := &outages[wanted[losses]]
		o.Scrapers = append(o.Scrapers, scraper)
		return err
	})
	for i := range outages {
		slices.Sort(outages[i].Scrapers)
	}
	return err
}
