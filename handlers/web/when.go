package web

import (
	"time"
)

// instant reads a time as the form sends it, which is without a zone and means
// UTC, or as RFC 3339.
func instant(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, invalid(field, text, "use a UTC time such as 2026-11-23T12:00 or RFC 3339")
}
