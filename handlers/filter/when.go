package filter

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"scrapelog/domain"
)

// When is an instant, or a position in the log. The zero value is neither.
type When struct {
	Time     time.Time
	Position int64
}

// WhenHelp lists the forms that ParseWhen accepts.
const WhenHelp = "-1h, today, yesterday, 2026-11-27, RFC 3339 or @POSITION"

// dates are layouts without a zone: they mean that of now.
var dates = []string{"2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// ParseWhen parses an end of a span of time: "-1h", "1h" or "-7d" before now, "today" and
// "yesterday" (their first instants), a date, both in the zone of now, RFC 3339, or "@42".
// An empty text is the zero When. The error is a *domain.FieldError for field.
func ParseWhen(field, s string, now time.Time) (When, error) {
	y, m, d := now.Date()
	switch s {
	case "":
		return When{}, nil
	case "today":
		return When{Time: time.Date(y, m, d, 0, 0, 0, 0, now.Location())}, nil
	case "yesterday":
		return When{Time: time.Date(y, m, d-1, 0, 0, 0, 0, now.Location())}, nil
	}
	if digits, ok := strings.CutPrefix(s, "@"); ok {
		if position, err := strconv.ParseInt(digits, 10, 64); err == nil && position > 0 {
			return When{Position: position}, nil
		}
	}
	if ago, ok := parseAgo(s); ok {
		return When{Time: now.Add(-ago)}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return When{Time: t}, nil
	}
	for _, layout := range dates {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return When{Time: t}, nil
		}
	}
	return When{}, &domain.FieldError{Field: field, Problem: fmt.Sprintf("%.40q is not a time", s), Want: "use " + WhenHelp}
}

func parseAgo(s string) (time.Duration, bool) {
	s = strings.TrimPrefix(s, "-")
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	ago, err := time.ParseDuration(s)
	return ago, err == nil && ago >= 0 && strings.Trim(s, "0123456789") != ""
}
