package dial

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// CachedError is an answer that a shared cache gave in the scraper's place. A dead
// scraper behind a cache would be taken for back as long as the cache keeps it.
type CachedError struct{ Field, Value string }

func (e *CachedError) Error() string {
	return fmt.Sprintf("answered by a cache (%s: %.80q)", e.Field, e.Value)
}

// kept tells of each field by which caches say that an answer was kept whether it
// does. Only Age and Cache-Status are standards (RFC 9111, RFC 9211); an Age of 0
// is also sent with what a cache has just fetched.
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
	{"X-Varnish", func(v string) bool { return len(strings.Fields(v)) > 1 }}, // of the request, and of the one that was kept
	{"X-Cache", beginsWithHit},
	{"CF-Cache-Status", beginsWithHit},
}

func beginsWithHit(v string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(v)), "hit")
}

// fromCache returns a *CachedError for an answer that a cache had kept.
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
