package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"scrapelog/domain"
	"scrapelog/projections"
)

// maxText is how long a parameter or a reason may be, in bytes.
const maxText = 500

// query reads the parameters of a request and remembers the first that is wrong.
// A parameter that is empty counts as left out.
type query struct {
	values url.Values
	err    error
}

func readQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.refuse("query", "cannot be read", "escape it as in name=a%20value")
	}
	return q
}

func (q *query) refuse(field, problem, want string) {
	if q.err == nil {
		q.err = &domain.FieldError{Field: field, Problem: problem, Want: want}
	}
}

func (q *query) text(name string) string {
	s := q.values.Get(name)
	if !printable(s) {
		q.refuse(name, "holds what is no text", fmt.Sprintf("use up to %d bytes of UTF-8 without control characters", maxText))
	}
	return s
}

// texts reads a parameter that may be repeated, comma separated, or both.
func (q *query) texts(name string) []string {
	var all []string
	for _, value := range q.values[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part != "" && !slices.Contains(all, part) {
				all = append(all, part)
			}
		}
	}
	if !printable(strings.Join(all, ",")) {
		q.refuse(name, "holds what is no text", fmt.Sprintf("use up to %d bytes of UTF-8 without control characters", maxText))
	}
	return all
}

func (q *query) number(name string, unset, least, most int64) int64 {
	s := q.values.Get(name)
	if s == "" {
		return unset
	}
	n, err := parseNumber(s)
	if err != nil || n < least || n > most {
		q.refuse(name, fmt.Sprintf("%.40q is out of range", s), fmt.Sprintf("use a whole number, %d to %d", least, most))
		return unset
	}
	return n
}

func (q *query) limit() int {
	return int(q.number("limit", projections.DefaultLimit, 1, projections.MaxLimit))
}

// position reads a place in the log; 0 when it is left out.
func (q *query) position(name string) int64 { return q.number(name, 0, 0, maxPosition) }

func (q *query) time(name string) time.Time {
	s := q.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		q.refuse(name, fmt.Sprintf("%.40q is not a time", s), "use RFC 3339, such as 2026-11-23T08:00:00Z")
	}
	return t.UTC()
}

func (q *query) statuses() []domain.RunStatus {
	var all []domain.RunStatus
	for _, s := range q.texts("status") {
		if !domain.RunStatus(s).Valid() {
			q.refuse("status", fmt.Sprintf("%.40q is not a status", s), "use running, completed, failed, connection_failed or cancelled")
		}
		all = append(all, domain.RunStatus(s))
	}
	return all
}

func (q *query) trigger() domain.Trigger {
	t := domain.Trigger(q.text("trigger"))
	switch t {
	case "", domain.TriggerSchedule, domain.TriggerManual, domain.TriggerRecovery:
	default:
		q.refuse("trigger", fmt.Sprintf("%.40q is not a trigger", t), "use schedule, manual or recovery")
	}
	return t
}

func (q *query) scraper() string {
	name := q.text("scraper")
	if name != "" && !domain.ValidScraperName(name) {
		q.refuse("scraper", fmt.Sprintf("%.80q is not a scraper name", name), "use 1 to 63 of a-z, 0-9 and -")
	}
	return name
}

func (q *query) watcher(name string) string {
	id := q.values.Get(name)
	if err := validWatcher(name, id); err != nil && id != "" {
		q.refuse(err.Field, err.Problem, err.Want)
	}
	return id
}

// validWatcher holds ids to what can stand in a URL, a header and a log line.
func validWatcher(field, id string) *domain.FieldError {
	visible := func(r rune) bool { return r > ' ' && r <= '~' }
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(r rune) bool { return !visible(r) }) {
		return &domain.FieldError{Field: field, Problem: "is not a watcher id", Want: "use 1 to 128 visible ASCII characters"}
	}
	return nil
}

// printable refuses what a database may refuse to compare: bytes that are no
// UTF-8, and control characters, NUL above all.
func printable(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// parseNumber reads digits only: no sign, no space, no second spelling of a number.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
