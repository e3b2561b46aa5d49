package web

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/problem"
)

// sound refuses parameters that are not valid text, which PostgreSQL does not accept in
// queries.
func sound(serve echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, value := range c.ParamValues() {
			if !isText(value) {
				return problem.New(problem.NotFound, "there is no such page")
			}
		}
		values := c.QueryParams()
		if c.Request().Method == http.MethodPost {
			form, err := c.FormParams()
			if tooLarge := (*echo.HTTPError)(nil); errors.As(err, &tooLarge) {
				return err
			}
			if err != nil {
				return problem.New(problem.Invalid, "the form cannot be read")
			}
			values = form
		}
		for field, list := range values {
			for _, value := range list {
				if !isText(value) {
					return invalid(field, value, "use text in UTF-8")
				}
			}
		}
		return serve(c)
	}
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
