package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
)

const (
	// maxContent is how much a body may say, without its white space. It is more
	// than any configuration or list of names that is taken.
	maxContent = 128 << 10
	// maxNesting is how deep a body may be: params are its deepest part.
	maxNesting = 1 + domain.MaxDepth
)

// decode reads the body, one JSON object, on top of what v holds already. A body
// that is left out changes nothing. Unknown keys are errors. What is too deep or says
// too much is refused before it is parsed, and each value is decoded once.
func decode(c echo.Context, v any) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return nil
	case !utf8.Valid(body):
		return badBody("is not UTF-8")
	case body[0] != '{':
		return badBody("is not a JSON object")
	}
	if depth := domain.JSONDepth(body); depth > maxNesting {
		return badBody(fmt.Sprintf("is nested %d levels deep, and %d are allowed", depth, maxNesting))
	}
	var content bytes.Buffer
	if err := json.Compact(&content, body); err != nil {
		return badBody("is not JSON: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	if content.Len() > maxContent {
		return badBody(fmt.Sprintf("has %d bytes beside its white space, and %d are allowed", content.Len(), maxContent))
	}
	return decodeObject("", content.Bytes(), reflect.ValueOf(v).Elem())
}

func badBody(problem string) error {
	return &domain.FieldError{Field: "body", Problem: problem, Want: "send one JSON object in UTF-8"}
}

// decodeObject decodes an object into a struct, key by key, so that an error is that
// of the key whose value it decodes: for types that decode themselves,
// encoding/json does not say which key they are the value of.
func decodeObject(path string, object []byte, into reflect.Value) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(object, &values); err != nil {
		return explain(path, err)
	}
	fields := fieldsOf(into.Type())
	for _, key := range slices.Sorted(maps.Keys(values)) {
		i, known := fields[key]
		if !known {
			want := domain.Suggest(key, slices.Sorted(maps.Keys(fields)))
			return &domain.FieldError{Field: path + fmt.Sprintf("%.80s", key), Problem: "is not known here", Want: want}
		}
		field := into.Field(i)
		if field.Kind() == reflect.Struct && values[key][0] == '{' {
			if err := decodeObject(path+key+".", values[key], field); err != nil {
				return err
			}
			continue
		}
		if err := json.Unmarshal(values[key], field.Addr().Interface()); err != nil {
			return explain(path+key, err)
		}
	}
	return nil
}

// fieldsOf finds the fields of a struct by their names in JSON.
func fieldsOf(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	return fields
}

// explain returns what is wrong with the value of a key.
func explain(field string, err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &domain.FieldError{Field: field, Problem: "is a JSON " + wrong.Value, Want: "use " + jsonKind(wrong)}
	}
	text := strings.TrimPrefix(err.Error(), domain.ErrInvalid.Error()+": ")
	problem, want, _ := strings.Cut(text, "; ")
	return &domain.FieldError{Field: field, Problem: problem, Want: want}
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
