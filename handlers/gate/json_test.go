package gate_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
)

func TestABodyIsJSONByItsType(t *testing.T) {
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), nil)
	e.Use(gate.JSON)
	e.Any("/", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	server := httptest.NewServer(e)
	defer server.Close()
	tests := map[string]struct {
		media string
		body  io.Reader
		want  int
	}{
		"JSON":                     {"application/json", strings.NewReader("{}"), 200},
		"JSON with a parameter":    {"Application/JSON; charset=utf-8", strings.NewReader("{}"), 200},
		"no body needs no type":    {"", nil, 200},
		"no body with any type":    {"text/plain", nil, 200},
		"what a form may send":     {"text/plain", strings.NewReader("{}"), 415},
		"a form":                   {"application/x-www-form-urlencoded", strings.NewReader("a=b"), 415},
		"no type":                  {"", strings.NewReader("{}"), 415},
		"two types":                {"application/json, text/plain", strings.NewReader("{}"), 415},
		"a kind of JSON":           {"application/problem+json", strings.NewReader("{}"), 415},
		"a body of unknown length": {"text/plain", io.MultiReader(strings.NewReader("{}")), 415},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.media != "" {
				req.Header.Set("Content-Type", tt.media)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.want {
				t.Errorf("answered %d, want %d", res.StatusCode, tt.want)
			}
		})
	}
}
