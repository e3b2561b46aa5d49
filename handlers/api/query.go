package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

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

// check keeps the first error.
func (q *query) check(err error) {
	if q.err == nil {
		q.err = err
	}
}

// one reads a parameter that may be given once: of two values, one would go unheard.
func (q *query) one(name string) string {
	if n := len(q.values[name]); n > 1 {
		q.refuse(name, fmt.Sprintf("is given %d times", n), "give it once")
	}
	return q.values.Get(name)
}

func (q *query) text(name string) string {
	s := q.one(name)
	if !domain.Line(s) {
		q.refuseText(name)
	}
	return s
}

// texts reads a parameter that may be repeated, comma separated, or both.
func (q *query) texts(name string) []string {
	var all []string
	if len(strings.Join(q.values[name], ",")) > domain.MaxText { // before all else: what follows is quadratic
		q.refuseText(name)
		return nil
	}
	for _, value := range q.values[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part != "" && !slices.Contains(all, part) {
				all = append(all, part)
			}
		}
	}
	if !domain.Line(strings.Join(all, ",")) {
		q.refuseText(name)
	}
	return all
}

func (q *query) refuseText(name string) {
	q.refuse(name, "is too long or holds what is no text", fmt.Sprintf("use up to %d bytes of UTF-8 without control characters", domain.MaxText))
}

func (q *query) number(name string, unset, least, most int64) int64 {
	s := q.one(name)
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
	s := q.one(name)
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
		status := domain.RunStatus(s)
		q.check(status.Check("status"))
		all = append(all, status)
	}
	return all
}

// types reads types of events. One may be of a newer program, but a pattern is none.
func (q *query) types() []string {
	all := q.texts("type")
	for _, t := range all {
		if strings.ContainsAny(t, `*?![]`) {
			q.refuse("type", fmt.Sprintf("%.40q is a pattern", t), "name the types, such as run.started,run.completed")
		}
	}
	return all
}

func (q *query) trigger() domain.Trigger {
	t := domain.Trigger(q.text("trigger"))
	if t != "" {
		q.check(t.Check("trigger"))
	}
	return t
}

func (q *query) scraper() string {
	name := q.text("scraper")
	if name != "" {
		q.check(domain.CheckScraperName("scraper", name))
	}
	return name
}

// flag reads true or false; nil when it is left out.
func (q *query) flag(name string) *bool {
	switch s := q.one(name); s {
	case "":
	case "true", "false":
		is := s == "true"
		return &is
	default:
		q.refuse(name, fmt.Sprintf("%.40q is neither true nor false", s), "use true or false")
	}
	return nil
}

// short reads the filter for short runs; all the others cannot be asked for.
func (q *query) short() bool {
	is := q.flag("short")
	if is != nil && !*is {
		q.refuse("short", `"false" is not a filter`, "use true, or leave it out")
	}
	return is != nil
}

func (q *query) watcher(name string) string {
	id := q.one(name)
	if id != "" {
		q.check(domain.CheckWatcher(name, id))
	}
	return id
}

// parseNumber reads digits only: no sign, no space, no second spelling of a number.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}
