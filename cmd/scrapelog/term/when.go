package term

import (
	"strconv"
	"strings"
	"time"
)

// When is an instant, or a position in the log. The zero value is neither.
type When struct {
	Time     time.Time
	Position int64
}

// WhenHelp lists the forms that ParseWhen accepts.
const WhenHelp = "-1h, today, RFC 3339 or @POSITION"

// ParseWhen parses the value of --since or --until: "-1h" or "-7d" before now,
// "today" (its first instant, local time), RFC 3339, or "@42".
func ParseWhen(flag, s string, now time.Time) (When, error) {
	if s == "" {
		return When{}, nil
	}
	if digits, ok := strings.CutPrefix(s, "@"); ok {
		if position, err := strconv.ParseInt(digits, 10, 64); err == nil && position > 0 {
			return When{Position: position}, nil
		}
	}
	if s == "today" {
		y, m, d := now.Date()
		return When{Time: time.Date(y, m, d, 0, 0, 0, 0, now.Location())}, nil
	}
	if ago, ok := parseAgo(s); ok {
		return When{Time: now.Add(-ago)}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return When{Time: t}, nil
	}
	return When{}, Usagef("--%s: %q is not a time; use %s", flag, s, WhenHelp)
}

func parseAgo(s string) (time.Duration, bool) {
	s, ok := strings.CutPrefix(s, "-")
	if !ok {
		return 0, false
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	ago, err := time.ParseDuration(s)
	return ago, err == nil && ago >= 0
}

// Stamp formats a time for tables: UTC, RFC 3339, which --since accepts.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// StampMillis is Stamp with milliseconds.
func StampMillis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
