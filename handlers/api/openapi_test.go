package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi/datamodel"

	"scrapelog/handlers/api"
	"scrapelog/handlers/problem"
)

// document is the API description, with its references to be followed.
type document struct {
	root      map[string]any
	validator validator.Validator
}

// secured are headers of every answer, which the description leaves out.
var secured = []string{
	"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Referrer-Policy",
	"X-Content-Type-Options", "X-Frame-Options",
}

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
	parsed, err := libopenapi.NewDocumentWithConfiguration(text, datamodel.NewDocumentConfiguration()) // follows references beside a description
	if err != nil {
		t.Fatal(err)
	}
	v, problems := validator.NewValidator(parsed, config.WithStrictMode(),
		// Payloads and metadata of events are open. config is described by a reference
		// beside a description, which the strict mode does not follow; its schema refuses
		// other properties itself.
		config.WithStrictIgnorePaths("$.body.**.data.**", "$.body.data.**", "$.body.**.metadata.**", "$.body.metadata.**", "$.body.**.config.*", "$.body.config.*"),
		config.WithStrictIgnoredHeadersExtra(secured...))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return document{root, v}
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
		problem.Invalid, problem.Forbidden, problem.Login, problem.Role, problem.TooOften, problem.NotFound, problem.WrongMethod, problem.WrongType, problem.Conflict, problem.RunOpen, problem.Finished,
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

// conforms checks the answer to a request against its description: the status, the
// content type and the body, in which every property must be described, and that
// each header that is described was sent.
func (d document) conforms(t *testing.T, operation map[string]any, method, path string, a answer) {
	t.Helper()
	headers, _ := d.at(any(operation), "responses", fmt.Sprint(a.status), "headers").(map[string]any)
	for name := range headers {
		if a.header.Get(name) == "" {
			t.Errorf("header %s is described and was not sent", name)
		}
	}
	response := &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body))}
	_, problems := d.validator.ValidateHttpResponse(httptest.NewRequest(method, path, nil), response)
	for _, p := range problems {
		t.Errorf("%s %s answered %d: %s: %s %v\n%s", method, path, a.status, p.Message, p.Reason, p.SchemaValidationErrors, a.body)
	}
}
