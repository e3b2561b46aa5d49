package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// sources are the comments and constants of this module's packages, read once each.
type sources struct {
	t        *testing.T
	packages map[string]source
}

// source is what a package says of its types.
type source struct {
	files  []*ast.File
	texts  map[string]string // the comment of a type or a field, by "Type" or "Type.Field"
	values map[string][]word // the constants of a type
	number map[string]string // untyped constants
}

// word is a constant of a type and its comment.
type word struct{ value, text string }

func (s sources) of(path string) source {
	s.t.Helper()
	if read, ok := s.packages[path]; ok {
		return read
	}
	read := source{texts: map[string]string{}, values: map[string][]word{}, number: map[string]string{}}
	names, err := filepath.Glob(filepath.Join("../..", strings.TrimPrefix(path, "scrapelog/"), "*.go"))
	if err != nil || len(names) == 0 {
		s.t.Fatalf("no source of %s: %v", path, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			s.t.Fatal(err)
		}
		read.files = append(read.files, file)
		for _, declaration := range file.Decls {
			if group, ok := declaration.(*ast.GenDecl); ok {
				read.declares(group)
			}
		}
	}
	s.packages[path] = read
	return read
}

func (s source) declares(group *ast.GenDecl) {
	for _, spec := range group.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.texts[spec.Name.Name] = comment(group.Doc, spec.Doc)
			if structure, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range structure.Fields.List {
					for _, name := range field.Names {
						s.texts[spec.Name.Name+"."+name.Name] = comment(field.Doc, field.Comment)
					}
				}
			}
		case *ast.ValueSpec:
			s.constant(spec)
		}
	}
}

func (s source) constant(spec *ast.ValueSpec) {
	if len(spec.Values) != 1 {
		return
	}
	literal, ok := spec.Values[0].(*ast.BasicLit)
	if !ok {
		return
	}
	value := literal.Value
	if text, err := strconv.Unquote(value); err == nil {
		value = text
	}
	kind, typed := spec.Type.(*ast.Ident)
	if !typed {
		s.number[spec.Names[0].Name] = value
		s.values[""] = append(s.values[""], word{value, comment(spec.Comment, spec.Doc)})
		return
	}
	text := strings.TrimPrefix(comment(spec.Comment, spec.Doc), spec.Names[0].Name+": ")
	s.values[kind.Name] = append(s.values[kind.Name], word{value, text})
}

// comment is the text of the first comment that has one, on one line.
func comment(groups ...*ast.CommentGroup) string {
	for _, group := range groups {
		if text := strings.Join(strings.Fields(group.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}

// text is a comment as a document has it: [Name] is its value, or the name without brackets.
func (s source) text(of string) string {
	text := s.texts[of]
	for name, value := range s.number {
		text = strings.ReplaceAll(text, "["+name+"]", value)
	}
	return strings.NewReplacer("[", "", "]", "").Replace(text)
}

// field is a field of a type, or of one of its fields.
type field struct {
	path, kind, text string
	optional         bool
	value            reflect.Value
}

// fields lists the fields of a value that have the tag, with those of its structs.
func (s sources) fields(tag string, at string, value reflect.Value) (all []field) {
	s.t.Helper()
	for i := range value.NumField() {
		f := value.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get(tag), ",")
		if f.Anonymous {
			all = append(all, s.fields(tag, at, value.Field(i))...)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		one := field{path: at + name, kind: kindOf(f.Type), optional: strings.Contains(options, "omit"), value: value.Field(i)}
		if one.text = s.of(value.Type().PkgPath()).text(value.Type().Name() + "." + f.Name); one.text == "" {
			s.t.Errorf("%s.%s has no comment, which docs/reference needs", value.Type(), f.Name)
		}
		all = append(all, one)
		switch inner, list := f.Type, ""; {
		case one.kind == "list of objects":
			inner, list = inner.Elem(), "[]"
			all = append(all, s.fields(tag, one.path+list+".", reflect.New(inner).Elem())...)
		case inner.Kind() == reflect.Pointer:
			all = append(all, s.fields(tag, one.path+".", reflect.New(inner.Elem()).Elem())...)
		case one.kind == "object" && inner.Kind() == reflect.Struct:
			all = append(all, s.fields(tag, one.path+".", value.Field(i))...)
		}
	}
	return all
}

// kindOf names a type as readers of JSON and YAML know it.
func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t == reflect.TypeFor[uuid.UUID]():
		return "UUID"
	case t == reflect.TypeFor[domain.Duration]():
		return "duration"
	case t == reflect.TypeFor[json.RawMessage]():
		return "JSON object"
	}
	switch t.Kind() {
	case reflect.String:
		if t.PkgPath() == "" {
			return "text"
		}
		return "[" + t.Name() + "](#" + strings.ToLower(t.Name()) + ")"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		switch of := kindOf(t.Elem()); of {
		case "text":
			return "list of texts"
		case "object":
			return "list of objects"
		default:
			return "list of " + of
		}
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "object"
	}
	return t.String()
}

// row writes a line of a table. Cells hold no bar that is not escaped.
func row(b *strings.Builder, cells ...string) {
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

// head writes the head of a table.
func head(b *strings.Builder, cells ...string) {
	row(b, cells...)
	fmt.Fprintln(b, strings.Repeat("|---", len(cells))+"|")
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
