package dial

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// CachedError reports that a cache answered instead of the scraper. A cache answers
// for a dead scraper as well, for as long as it stores the answer.
type CachedError struct{ Field, Value string }

func (e *CachedError) Error() string {
	return fmt.Sprintf("answered by a cache (%s: %.80q)", e.Field, e.Value)
}

// kept lists the header fields by which caches mark a stored answer, and for each
// the function that recognizes the mark in its value. Only Age and Cache-Status are
// standards (RFC 9111, RFC 9211). Caches send Age: 0 also with an answer that they
// have just fetched.
var kept = []struct {
	field string
	says  func(value string) bool
}{
	{"Age", func(v string) bool {
		seconds, err := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
		return err == nil && seconds > 0 || errors.Is(err, strconv.ErrRange)
	}},
	{"Cache-Status", func(v string) bool {
		for member := range strings.SplitSeq(v, ",") {
			_, params, _ := strings.Cut(member, ";")
			for param := range strings.SplitSeq(params, ";") {
				if param = strings.TrimSpace(param); param == "hit" || param == "hit=?1" {
					return true
				}
			}
		}
		return false
	}},
	{"X-Varnish", func(v string) bool { return len(strings.Fields(v)) > 1 }}, // the id of this request, and of the one whose answer was stored
	{"X-Cache", beginsWithHit},
	{"CF-Cache-Status", beginsWithHit},
}

func beginsWithHit(v string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(v)), "hit")
}

// fromCache returns a *CachedError if the answer came from a cache's store.
func fromCache(h http.Header) error {
	for _, k := range kept {
		for _, value := range h.Values(k.field) {
			if k.says(value) {
				return &CachedError{k.field, value}
			}
		}
	}
	return nil
}
