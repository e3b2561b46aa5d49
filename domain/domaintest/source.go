// Package domaintest reads from the domain's source what there is to be handled, so
// that tests elsewhere fail when something new is forgotten.
package domaintest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Words returns the values of the constants in the domain's words.go, by type: the
// causes under "Cause".
func Words(t testing.TB) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	inspect(t, "words.go", func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return
		}
		kind, typed := spec.Type.(*ast.Ident)
		literal, basic := spec.Values[0].(*ast.BasicLit)
		if typed && basic {
			found[kind.Name] = append(found[kind.Name], unquote(t, literal))
		}
	})
	return found
}

// EventTypes returns the wire names of the events that the domain declares, sorted.
func EventTypes(t testing.TB) []string {
	t.Helper()
	names := map[string]bool{}
	inspect(t, "*.go", func(n ast.Node) {
		method, ok := n.(*ast.FuncDecl)
		if !ok || method.Recv == nil || method.Name.Name != "EventType" {
			return
		}
		ast.Inspect(method.Body, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok {
				names[unquote(t, literal)] = true
			}
			return true
		})
	})
	return slices.Sorted(maps.Keys(names))
}

// inspect visits every node of the domain's files that match the pattern.
func inspect(t testing.TB, pattern string, visit func(ast.Node)) {
	t.Helper()
	folder, err := exec.Command("go", "list", "-f", "{{.Dir}}", "scrapelog/domain").Output()
	if err != nil {
		t.Fatalf("where the domain is: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(folder)), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of the domain: %v", err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool { visit(n); return true })
	}
}

func unquote(t testing.TB, literal *ast.BasicLit) string {
	t.Helper()
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
