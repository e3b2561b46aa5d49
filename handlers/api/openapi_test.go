package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"scrapelog/handlers/api"
	"scrapelog/handlers/problem"
)

// document is the API description, with its references to be followed.
type document struct{ root map[string]any }

func readDocument(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	return document{root}
}

// at follows keys, and the reference that stands at the end of them.
func (d document) at(node any, keys ...string) any {
	node = d.follow(node)
	for _, key := range keys {
		m, _ := node.(map[string]any)
		node = d.follow(m[key])
	}
	return node
}

func (d document) follow(node any) any {
	m, _ := node.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return node
	}
	return d.at(any(d.root), strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

var methods = []string{"get", "put", "post", "delete"}

// operations yields "METHOD path" and the operation.
func (d document) operations() map[string]map[string]any {
	all := map[string]map[string]any{}
	for path, item := range d.root["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if slices.Contains(methods, method) {
				all[strings.ToUpper(method)+" "+path] = operation.(map[string]any)
			}
		}
	}
	return all
}

var pathParameter = regexp.MustCompile(`:([a-z]+)`)

func TestEveryRouteIsDescribedAndEveryDescriptionIsARoute(t *testing.T) {
	e := api.NewEcho(api.EchoConfig{})
	api.New(api.Config{}).Register(e)
	described := readDocument(t).operations()
	routed := map[string]bool{}
	for _, r := range e.Routes() {
		if r.Method == "HEAD" {
			continue
		}
		route := r.Method + " " + pathParameter.ReplaceAllString(r.Path, "{$1}")
		routed[route] = true
		if described[route] == nil {
			t.Errorf("%s is not described", route)
		}
	}
	for route := range described {
		if !routed[route] {
			t.Errorf("%s is described and not routed", route)
		}
	}
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	d := readDocument(t)
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case map[string]any:
			if ref, ok := node["$ref"].(string); ok && d.follow(node) == nil {
				t.Errorf("%s: %s leads nowhere", path, ref)
			}
			for key, child := range node {
				walk(path+"/"+key, child)
			}
		case []any:
			for i, child := range node {
				walk(fmt.Sprintf("%s/%d", path, i), child)
			}
		}
	}
	walk("", any(d.root))
}

func TestEveryKindOfProblemIsDescribed(t *testing.T) {
	d := readDocument(t)
	kinds := []problem.Kind{
		problem.Invalid, problem.Forbidden, problem.NotFound, problem.WrongMethod, problem.WrongType, problem.Conflict, problem.RunOpen, problem.Finished,
		problem.TooLarge, problem.TooMany, problem.Internal, problem.Unavailable, problem.Behind, problem.NotReady, problem.ShuttingDown,
	}
	for _, k := range kinds {
		_, pointer, _ := strings.Cut(k.Type(), "#/")
		text, _ := d.at(any(d.root), append(strings.Split(pointer, "/"), "description")...).(string)
		if !strings.HasPrefix(text, fmt.Sprint(k.Status)) {
			t.Errorf("%s is described as %q, want it to begin with %d", k.Type(), text, k.Status)
		}
	}
}

// conforms holds an answer to its description: its content type, every required
// field, no field that is not described, and the values of every enumeration.
func (d document) conforms(t *testing.T, operation map[string]any, a answer) {
	t.Helper()
	response := d.at(any(operation), "responses", fmt.Sprint(a.status))
	if response == nil {
		t.Errorf("status %d is not described", a.status)
		return
	}
	if headers, ok := d.at(response, "headers").(map[string]any); ok {
		for name := range headers {
			if a.header.Get(name) == "" {
				t.Errorf("header %s is described and was not sent", name)
			}
		}
	}
	content, _ := d.at(response, "content").(map[string]any)
	if content == nil {
		if len(a.body) > 0 {
			t.Errorf("a body is not described: %s", a.body)
		}
		return
	}
	mediaType, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	described, ok := content[mediaType]
	if !ok {
		t.Errorf("content type %s is not described", mediaType)
		return
	}
	if !strings.HasSuffix(mediaType, "json") {
		return
	}
	var value any
	a.decode(t, &value)
	d.check(t, "body", d.at(described, "schema"), value)
}

func (d document) check(t *testing.T, at string, schema, value any) {
	t.Helper()
	s, _ := schema.(map[string]any)
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, value) {
		t.Errorf("%s: %v is none of %v", at, value, enum)
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(value)) {
		t.Errorf("%s: %v does not match %s", at, value, pattern)
	}
	switch value := value.(type) {
	case map[string]any:
		d.checkObject(t, at, s, value)
	case []any:
		for i, item := range value {
			d.check(t, fmt.Sprintf("%s[%d]", at, i), d.at(s["items"]), item)
		}
	}
}

func (d document) checkObject(t *testing.T, at string, schema, value map[string]any) {
	t.Helper()
	properties, closed := schema["properties"].(map[string]any)
	for key, field := range value {
		described, known := properties[key]
		if closed && !known {
			text, _ := json.Marshal(field)
			t.Errorf("%s.%s is not described: %s", at, key, text)
			continue
		}
		d.check(t, at+"."+key, d.at(described), field)
	}
	required, _ := schema["required"].([]any)
	for _, key := range required {
		if _, there := value[key.(string)]; !there {
			t.Errorf("%s.%s is missing", at, key)
		}
	}
}
