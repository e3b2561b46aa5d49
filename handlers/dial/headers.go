package dial

import (
	"fmt"
	"net/http"
	"os"

	"golang.org/x/net/http/httpguts"

	"scrapelog/domain"
)

// userAgent is the User-Agent of every request to a scraper.
const userAgent = "scrapelog"

// HeaderError reports which configured header cannot be sent and why. Its text has
// the name of the environment variable, never its value. It does not repeat a text
// that is not a valid name, which may be the secret itself.
type HeaderError struct{ Header, Variable, Problem string }

func (e *HeaderError) Error() string {
	if !domain.ValidEnvName(e.Variable) {
		return fmt.Sprintf("header %s: headers_env does not name an environment variable for it", e.Header)
	}
	return fmt.Sprintf("environment variable %s %s", e.Variable, e.Problem) // it goes into the log, where header names are not for everybody
}

// Unwrap returns domain.ErrInvalid: the configuration is invalid.
func (e *HeaderError) Unwrap() error { return domain.ErrInvalid }

// Headers reads the scraper's configured headers from the environment. Call it for
// each request, so that a changed secret is used by the next one. The error is a
// *HeaderError, or a *domain.FieldError for a variable that the scraper may not name.
func Headers(t Target) (http.Header, error) {
	if t.Secrets != nil {
		if err := t.Secrets.Check(t.ScraperConfig); err != nil {
			return nil, err
		}
	}
	h := http.Header{"User-Agent": {userAgent}}
	for name, variable := range t.HeadersEnv {
		value, set := os.LookupEnv(variable)
		switch {
		case !set:
			return nil, &HeaderError{name, variable, "is not set"}
		case !httpguts.ValidHeaderFieldValue(value):
			return nil, &HeaderError{name, variable, "holds a character that no header may carry"}
		}
		h.Set(name, value)
	}
	return h, nil
}
