package projections

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"time"

	"scrapelog/domain"
)

// The limits of every list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// RunFilter chooses runs. The zero value chooses all of them.
type RunFilter struct {
	Statuses []domain.RunStatus // any of these; none: every status
	Scraper  string
	Text     string // words that the scraper's name contains, or a part of the run's id
	Trigger  domain.Trigger
	Short    bool      // completed with fewer items than expected
	Since    time.Time // started at or after it
	Until    time.Time // started before it
	Cursor   string    // RunPage.Next of the page before
	Limit    int       // 1 to MaxLimit; 0: DefaultLimit
}

// RunPage is one page of runs, newest first.
type RunPage struct {
	Runs     []Run
	Next     string   // the Cursor of the next page; empty: this is the last one
	Scrapers []string // the first scrapers whose names contain the filter's Text: their runs are searched
	More     bool     // there are more such scrapers
}

// Changes are the changes that live pages follow.
type Changes struct {
	// State reports that this is not a difference but a state to begin from: the open
	// runs, the newest others and every scraper that was not removed.
	State    bool
	Runs     []Run     // in the order in which they changed; of a state: newest first
	Scrapers []Scraper // likewise; of a state: by name. A removed one has Removed set
	Many     bool      // too many changes to list: Runs and Scrapers are empty
	Counts   Counts
	Losses         // only those of an Outline
	Position int64 // ask for what came after it next
}

// cursor is a place in the order of runs or of outages: the page goes on below it.
type cursor struct {
	startedAt int64 // unix microseconds
	position  int64 // of the first event, which tells those of the same instant apart
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", c.startedAt, c.position))
}

func parseCursor(s string) (cursor, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d.%d", &c.startedAt, &c.position)
	}
	if err != nil || c.String() != s {
		return cursor{}, &domain.FieldError{Field: "cursor", Problem: fmt.Sprintf("%.80q is not a cursor", s), Want: "use the \"next\" of an earlier page, unchanged"}
	}
	return c, nil
}

// topOf returns the place below which a page begins: the end of the span of time, or the
// cursor of the page before.
func topOf(until time.Time, after string) (cursor, error) {
	top := cursor{math.MaxInt64, math.MaxInt64}
	if !until.IsZero() {
		top = cursor{until.UnixMicro(), 0}
	}
	if after == "" {
		return top, nil
	}
	c, err := parseCursor(after)
	if err == nil && c.startedAt < top.startedAt {
		top = c
	}
	return top, err
}

// validate returns the first value that cannot be asked for as a *domain.FieldError.
func (f RunFilter) validate() error {
	for _, s := range f.Statuses {
		if err := s.Check("status"); err != nil {
			return err
		}
	}
	if f.Trigger != "" {
		if err := f.Trigger.Check("trigger"); err != nil {
			return err
		}
	}
	_, err := limitOf(f.Limit)
	return err
}

// limitOf returns the limit of a list, of which 0 is the default.
func limitOf(limit int) (int, error) {
	if limit < 0 || limit > MaxLimit {
		return 0, &domain.FieldError{Field: "limit", Problem: fmt.Sprintf("%d is out of range", limit), Want: fmt.Sprintf("use 1 to %d", MaxLimit)}
	}
	return cmp.Or(limit, DefaultLimit), nil
}
