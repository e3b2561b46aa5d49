package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
)

// bodyTimeout is how long a body of at most 1 MiB may take to arrive.
const bodyTimeout = 10 * time.Second

// decode reads the body, one JSON object, on top of what v holds already. A body
// that is left out changes nothing. Unknown keys are errors.
func decode(c echo.Context, v any) error {
	body, err := readBody(c)
	if err != nil || len(body) == 0 {
		return err
	}
	switch {
	case !utf8.Valid(body):
		return badBody("is not UTF-8")
	case body[0] != '{':
		return badBody("is not a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return explain(err, body, v)
	}
	if _, err := dec.Token(); err != io.EOF {
		return badBody("goes on after its JSON object")
	}
	return nil
}

func readBody(c echo.Context) ([]byte, error) {
	deadline := http.NewResponseController(c.Response().Writer)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTimeout)) // a test's recorder has none
	defer func() { _ = deadline.SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		if _, refused := errors.AsType[*echo.HTTPError](err); refused {
			return nil, err
		}
		return nil, badBody("did not arrive whole")
	}
	return bytes.TrimSpace(body), nil
}

func badBody(problem string) error {
	return &domain.FieldError{Field: "body", Problem: problem, Want: "send one JSON object in UTF-8"}
}

// explain names the key that is wrong.
func explain(err error, body []byte, v any) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return &domain.FieldError{Field: wrong.Field, Problem: "is a JSON " + wrong.Value, Want: "use " + jsonKind(wrong)}
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &domain.FieldError{Field: strings.Trim(key, `"`), Problem: "is not known here", Want: "leave it out, or correct its spelling"}
	}
	if text, own := strings.CutPrefix(err.Error(), domain.ErrInvalid.Error()+": "); own && errors.Is(err, domain.ErrInvalid) {
		wrong, want, _ := strings.Cut(text, "; ")
		return &domain.FieldError{Field: blame(body, v), Problem: wrong, Want: want}
	}
	return badBody("is not JSON: " + strings.TrimPrefix(err.Error(), "json: "))
}

func jsonKind(wrong *json.UnmarshalTypeError) string {
	switch kind := wrong.Type.Kind().String(); {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a number"
	case kind == "map", kind == "struct":
		return "an object"
	case kind == "slice":
		return "an array"
	case kind == "bool":
		return "true or false"
	}
	return "a string"
}

// blame finds the key whose value cannot be decoded: for types that decode
// themselves, encoding/json does not say.
func blame(body []byte, v any) string {
	return blameIn(body, func(object []byte) bool { return json.Unmarshal(object, v) == nil })
}

// blameIn tries the keys of an object one by one, and those of the object that
// is the value of a wrong one.
func blameIn(object []byte, fits func([]byte) bool) string {
	var values map[string]json.RawMessage
	if json.Unmarshal(object, &values) != nil {
		return ""
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		alone := func(value []byte) []byte {
			one, _ := json.Marshal(map[string]json.RawMessage{key: value}) // what was read can be written
			return one
		}
		if fits(alone(values[key])) {
			continue
		}
		if inner := blameIn(values[key], func(value []byte) bool { return fits(alone(value)) }); inner != "" {
			return key + "." + inner
		}
		return key
	}
	return ""
}
