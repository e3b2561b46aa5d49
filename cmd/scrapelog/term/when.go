package term

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/filter"
)

// When is an instant, or a position in the log. The zero value is neither.
type When = filter.When

// WhenHelp lists the forms that ParseWhen accepts.
const WhenHelp = filter.WhenHelp

// ParseWhen is [filter.ParseWhen] for the value of a flag.
func ParseWhen(flag, s string, now time.Time) (When, error) {
	w, err := filter.ParseWhen(flag, s, now)
	if wrong := (*domain.FieldError)(nil); errors.As(err, &wrong) {
		return w, Usagef("--%s: %s; %s", flag, wrong.Problem, wrong.Want)
	}
	return w, err
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

// Age returns how long ago t was, or how long until it comes, in its largest unit.
func Age(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	pattern := "%s ago"
	if d < 0 {
		d, pattern = -d, "in %s"
	}
	var text string
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		text = strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		text = strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		text = strconv.Itoa(int(d/time.Hour)) + "h"
	default:
		text = strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return strings.Replace(pattern, "%s", text, 1)
}
