package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logMethods are the methods of a logger, and how many arguments stand before
// the fields.
var logMethods = map[string]int{
	"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0, "Log": 3,
	"DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2,
}

// fieldMakers make one field from a key and a value.
var fieldMakers = map[string]bool{"Any": true, "String": true, "Int": true, "Int64": true, "Duration": true}

// logFunc are functions of ours that log what they are given.
var logFunc = map[string]int{"log": 2}

var loggerName = regexp.MustCompile(`(?i)log(ger)?$`)

// TestEveryFieldOfALogLineIsDocumented holds the source and docs/log-lines.md
// together: one name for one thing.
func TestEveryFieldOfALogLineIsDocumented(t *testing.T) {
	used := map[string]string{}
	for _, folder := range []string{".", "../../handlers", "../../eventstore", "../../projections"} {
		err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, key := range logFields(t, path, file) {
				used[key] = path
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	documented := documentedFields(t)
	for _, key := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(documented, key) {
			t.Errorf("%s logs the field %q, which docs/log-lines.md does not have", used[key], key)
		}
	}
	for _, key := range documented {
		if used[key] == "" {
			t.Errorf("docs/log-lines.md has the field %q, which nothing logs", key)
		}
	}
}

func TestAFieldOfALogLineIsSeen(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
func f() {
	s.Logger.Warn("sentence", "error", err, slog.Any("run", id), "phase", p)
	log.With("scraper", name).Info("sentence", "items", 1)
	h.Logger.Log(ctx, level, "sentence", "position", 2)
	log(level, "sentence", "cause", 3)
	unrelated.Printf("sentence", "not", 4)
}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := logFields(t, "x.go", file)
	slices.Sort(got)
	if want := []string{"cause", "error", "items", "phase", "position", "run", "scraper"}; !slices.Equal(got, want) {
		t.Errorf("saw %q, want %q", got, want)
	}
}

// logFields lists the keys of the fields that a file logs.
func logFields(t *testing.T, path string, file *ast.File) (keys []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		before, ok := logs(call)
		if !ok || len(call.Args) < before {
			return true
		}
		if call.Ellipsis.IsValid() { // fields that are put together elsewhere
			return true
		}
		for rest := call.Args[before:]; len(rest) > 0; {
			key, size := fieldKey(rest[0])
			if key == "" {
				t.Errorf("%s: a field of a log line whose key is not written out", path)
				return true
			}
			keys, rest = append(keys, key), rest[min(size, len(rest)):]
		}
		return true
	})
	return keys
}

// logs says whether a call writes a log line, and how many arguments stand
// before its fields.
func logs(call *ast.CallExpr) (before int, ok bool) {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		before, ok = logFunc[fun.Name]
		return before, ok && len(call.Args) > before
	case *ast.SelectorExpr:
		if before, ok = logMethods[fun.Sel.Name]; !ok {
			return 0, false
		}
		switch on := fun.X.(type) {
		case *ast.Ident:
			return before, loggerName.MatchString(on.Name)
		case *ast.SelectorExpr:
			return before, loggerName.MatchString(on.Sel.Name)
		case *ast.CallExpr: // log.With(…).Info(…), s.log().Info(…)
			if made, is := on.Fun.(*ast.SelectorExpr); is && len(on.Args) == 0 {
				return before, loggerName.MatchString(made.Sel.Name)
			}
			_, ok = logs(on)
			return before, ok
		}
	}
	return 0, false
}

// fieldKey is the key of a field and how many arguments the field takes.
func fieldKey(arg ast.Expr) (key string, size int) {
	if call, ok := arg.(*ast.CallExpr); ok && len(call.Args) > 0 {
		name := ""
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			name = fun.Name
		case *ast.SelectorExpr:
			name = fun.Sel.Name
		}
		if fieldMakers[name] {
			key, _ = fieldKey(call.Args[0])
		}
		return key, 1
	}
	literal, ok := arg.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", 1
	}
	key, _ = strconv.Unquote(literal.Value)
	return key, 2
}

var documentedField = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// documentedFields lists the fields of the second table of docs/log-lines.md.
func documentedFields(t *testing.T) (fields []string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/log-lines.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Fields\n")
	for _, match := range documentedField.FindAllStringSubmatch(table, -1) {
		fields = append(fields, match[1])
	}
	return fields
}
