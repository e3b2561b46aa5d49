package gate

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
)

// Params refuses query parameters other than those named: a filter whose name is
// misspelt would otherwise be no filter at all.
func Params(names ...string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			values, err := url.ParseQuery(c.Request().URL.RawQuery)
			if err != nil {
				return &domain.FieldError{Field: "query", Problem: "cannot be read", Want: "escape it as in name=a%20value"}
			}
			for _, given := range slices.Sorted(maps.Keys(values)) {
				if !slices.Contains(names, given) {
					return unknownParam(given, names)
				}
			}
			return next(c)
		}
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func unknownParam(given string, names []string) error {
	want := "leave it out: there are none here"
	if len(names) > 0 {
		want = domain.Suggest(given, names)
	}
	if !plainName.MatchString(given) {
		given = fmt.Sprintf("%.64q", given)
	}
	return &domain.FieldError{Field: given, Problem: "is not a parameter of this address", Want: want}
}
