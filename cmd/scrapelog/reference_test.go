package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/docs"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/worker"
)

var update = flag.Bool("update", false, "write docs/reference")

// made are the parts of docs/reference that are made from the code, by their names.
var made = map[string]func(sources) string{
	"causes": causeList, "commands": commandList, "environment": environmentList, "envelope": envelopeFields, "events": eventList,
	"exit codes": exitCodeList, "metrics": metricList, "routes": routeList, "serve": serveKeys, "words": wordList, "worker": workerKeys,
}

var madePart = regexp.MustCompile(`(?s)(<!-- made from the code: ([a-z ]+) -->\n).*?(\n<!-- end -->)`)

// TestDocsReferenceIsCurrent holds docs/reference against the code.
func TestDocsReferenceIsCurrent(t *testing.T) {
	s, used := sources{t, map[string]source{}}, map[string]bool{}
	pages, err := filepath.Glob("../../docs/reference/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		text := readText(t, path)
		current := madePart.ReplaceAllStringFunc(text, func(part string) string {
			m := madePart.FindStringSubmatch(part)
			if used[m[2]] = true; made[m[2]] == nil {
				t.Fatalf("%s: nothing makes the part %q", path, m[2])
			}
			return m[1] + "\n" + strings.TrimSpace(made[m[2]](s)) + "\n" + m[3]
		})
		switch {
		case text == current:
		case *update:
			if err := os.WriteFile(path, []byte(current), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is not what the code says: go test ./cmd/scrapelog -run TestDocsReference -update", path)
		}
	}
	for name := range made {
		if !used[name] {
			t.Errorf("no page of docs/reference has the part %q", name)
		}
	}
}

// TestDocsReferenceHasEveryVariable that the code reads by its name.
func TestDocsReferenceHasEveryVariable(t *testing.T) {
	page := readText(t, "../../docs/reference/environment.md")
	reads := regexp.MustCompile(`os\.(?:Getenv|LookupEnv)\("([A-Z_]+)"`)
	seen := 0
	for _, folder := range []string{".", "../../handlers", "../../eventstore", "../../projections"} {
		err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			for _, m := range reads.FindAllStringSubmatch(readText(t, path), -1) {
				if seen++; !strings.Contains(page, "`"+m[1]) {
					t.Errorf("%s reads %s, which docs/reference/environment.md does not have", path, m[1])
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 5 {
		t.Errorf("only %d variables were found", seen)
	}
}

func eventList(s sources) string {
	var b strings.Builder
	domainSource := s.of("scrapelog/domain")
	for _, wire := range domain.AllEventTypes {
		event, err := domain.Decode(wire, []byte("{}"))
		if err != nil {
			s.t.Fatal(err)
		}
		value := reflect.ValueOf(event)
		text := strings.TrimPrefix(domainSource.text(value.Type().Name()), value.Type().Name()+" ")
		stream := strings.NewReplacer(uuid.Nil.String(), "ID").Replace(event.Stream())
		if stream == domain.ScraperStream("") {
			stream += "NAME"
		}
		fmt.Fprintf(&b, "### `%s`\n\n%s Stream: `%s`.\n\n", wire, strings.ToUpper(text[:1])+text[1:], stream)
		if retired := domain.WireNames(wire)[1:]; len(retired) > 0 {
			fmt.Fprintf(&b, "Older logs have it as `%s`.\n\n", strings.Join(retired, "`, `"))
		}
		head(&b, "field", "type", "meaning")
		for _, f := range s.fields("json", "", value) {
			if strings.HasPrefix(f.path, "config.") {
				continue // the keys of a scraper, which the page of the configuration has
			}
			row(&b, code(f.path), f.kind+optionally(f.optional), f.text)
		}
		fmt.Fprintf(&b, "\n```json\n%s\n```\n\n", example(s.t, wire))
	}
	return b.String()
}

func optionally(optional bool) string {
	if optional {
		return ", may be left out"
	}
	return ""
}

// example is the payload of an event, from one of its golden files.
func example(t *testing.T, wire string) string {
	t.Helper()
	for _, of := range []string{"", ".scraper", ".schedule", ".slot"} {
		text, err := os.ReadFile("../../domain/testdata/events/" + wire + of + ".json")
		if err != nil {
			continue
		}
		var golden struct{ Data json.RawMessage }
		var indented bytes.Buffer
		if err := cmp.Or(json.Unmarshal(text, &golden), json.Indent(&indented, golden.Data, "", "  ")); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(indented.String(), "\n  ", "\n")
	}
	t.Fatalf("no golden file of %s", wire)
	return ""
}

func envelopeFields(s sources) string {
	var b strings.Builder
	head(&b, "field", "type", "meaning")
	for _, f := range s.fields("json", "", reflect.ValueOf(eventstore.Recorded{})) {
		row(&b, code(f.path), f.kind, f.text)
	}
	return b.String()
}

func wordList(s sources) string {
	var b strings.Builder
	read := s.of("scrapelog/domain")
	kinds := []string{"RunStatus"}
	for _, m := range regexp.MustCompile(`\[(\w+)\]\(#`).FindAllStringSubmatch(eventList(s), -1) {
		if !slices.Contains(kinds, m[1]) {
			kinds = append(kinds, m[1])
		}
	}
	for _, kind := range kinds {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", kind, read.text(kind))
		head(&b, "value", "meaning")
		for _, w := range read.values[kind] {
			row(&b, code(w.value), cmp.Or(w.text, "–"))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func serveKeys(s sources) string {
	defaults := config.Default()
	defaults.Limits.APIScrapers = domain.DefaultAPIScrapers
	return keyTable(s, defaults) + "\nEach of `scrapers`:\n\n" + keyTable(s, domain.DefaultScraperConfig())
}

func workerKeys(s sources) string { return keyTable(s, worker.DefaultConfig()) }

func keyTable(s sources, defaults any) string {
	var b strings.Builder
	head(&b, "key", "type", "default", "meaning")
	for _, f := range s.fields("yaml", "", reflect.ValueOf(defaults)) {
		if strings.HasPrefix(f.path, "scrapers[]") {
			continue // a table of its own
		}
		value := ""
		if simple := f.kind == "duration" || !strings.HasPrefix(f.kind, "list") && f.kind != "object"; simple && !f.value.IsZero() {
			value = fmt.Sprint(f.value.Interface())
		}
		row(&b, code(f.path), strings.NewReplacer("[Kind](#kind)", "words", "[CatchUp](#catchup)", "`none` or `one`").Replace(f.kind), code(value), f.text)
	}
	return b.String()
}

func exitCodeList(s sources) string {
	var b strings.Builder
	head(&b, "code", "meaning")
	for _, file := range s.of("scrapelog/cmd/scrapelog").files {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "exit") && len(spec.Values) == 1 {
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
					row(&b, code(literal.Value), comment(spec.Comment))
				}
			}
			return true
		})
	}
	return b.String()
}

// metricList reads the calls that declare a series: name, help and labels are literals.
func metricList(s sources) string {
	var b strings.Builder
	kinds := map[string]string{"counter": "counter", "histogram": "histogram", "histograms": "histogram", "describe": "gauge"}
	head(&b, "series", "type", "meaning")
	var rows []string
	for _, file := range s.of("scrapelog/handlers/metrics").files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, _ := call.Fun.(*ast.Ident)
			if name == nil || kinds[name.Name] == "" {
				return true
			}
			texts, kind := literals(call.Args), kinds[name.Name]
			if strings.HasSuffix(texts[0], "_total") {
				kind = "counter"
			}
			series := "scrapelog_" + texts[0]
			if len(texts) > 2 {
				series += "{" + strings.Join(texts[2:], ",") + "}"
			}
			rows = append(rows, fmt.Sprintf("| %s | %s | %s |", code(series), kind, texts[1]))
			return true
		})
	}
	slices.Sort(rows)
	b.WriteString(strings.Join(rows, "\n"))
	return b.String()
}

func literals(args []ast.Expr) (texts []string) {
	for _, arg := range args {
		if literal, ok := arg.(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

func routeList(s sources) string {
	var document struct {
		Paths yaml.MapSlice `yaml:"paths"`
	}
	if err := yaml.Unmarshal([]byte(readText(s.t, "../../handlers/api/openapi.yaml")), &document); err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	head(&b, "route", "what it does")
	for _, path := range document.Paths {
		for _, method := range []string{"get", "put", "post", "delete"} {
			if operation, ok := path.Value.(map[string]any)[method].(map[string]any); ok {
				row(&b, code(strings.ToUpper(method)+" "+path.Key.(string)), operation["summary"].(string))
			}
		}
	}
	return b.String()
}

func causeList(sources) string {
	var b strings.Builder
	for _, d := range docs.All() {
		if name, ok := strings.CutPrefix(d.Name, "causes/"); ok {
			_, title, _ := strings.Cut(d.Title, ": ")
			fmt.Fprintf(&b, "- [`%s`](../causes/%s.md): %s\n", name, name, title)
		}
	}
	return b.String()
}
