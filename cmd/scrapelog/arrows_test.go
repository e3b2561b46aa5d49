package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows is the order in which folders may import each other: only to the right.
var arrows = []string{"cmd", "handlers", "projections", "eventstore", "domain"}

// texts is the folder of the documents: it imports nothing of ours, and only cmd and
// handlers import it.
const texts = "docs"

// leaves are the packages under handlers that others there may import.
var leaves = []string{"handlers/sse", "handlers/dial", "handlers/egress", "handlers/gate", "handlers/problem", "handlers/live", "handlers/words", "handlers/secret", "handlers/sign", "handlers/filter", "handlers/access"}

// walls names what the packages of the scrapelog command may import of each other.
var walls = map[string][]string{
	"cmd/scrapelog/term":       {},
	"cmd/scrapelog/config":     {"cmd/scrapelog/term"},
	"cmd/scrapelog/client":     {"cmd/scrapelog/term", "cmd/scrapelog/config"},
	"cmd/scrapelog/inspect":    {"cmd/scrapelog/term", "cmd/scrapelog/config"},
	"cmd/scrapelog/serve":      {"cmd/scrapelog/term", "cmd/scrapelog/config"},
	"cmd/scrapelog/demo":       {"cmd/scrapelog/term", "cmd/scrapelog/config", "cmd/scrapelog/serve", "cmd/scrapelog/demo/shops"},
	"cmd/scrapelog/demo/shops": {},
}

// doors says where a library may be imported.
var doors = map[string][]string{
	"github.com/labstack/echo":               {"handlers/web", "handlers/api", "handlers/worker", "handlers/sse", "handlers/gate", "handlers/problem", "handlers/access"},
	"github.com/ThreeDotsLabs/":              {"eventstore/feed", "handlers/react", "handlers/forward"},
	"github.com/nats-io/":                    {"handlers/forward"},
	"github.com/IBM/sarama":                  {"handlers/forward"},
	"github.com/ThreeDotsLabs/watermill-sql": {"eventstore/feed"},
	"github.com/jackc/pgx":                   {"eventstore"},
	"modernc.org/sqlite":                     {"eventstore"},
	"github.com/lmittmann/tint":              {"cmd/scrapelog/term"},
	"github.com/itchyny/gojq":                {"cmd/scrapelog/term"},
	"github.com/mattn/go-runewidth":          {"cmd/scrapelog/term"},
	"github.com/chromedp/":                   {},
	"github.com/google/go-cmp":               {},
	"pgregory.net/rapid":                     {},
	"golang.org/x/net/html":                  {"handlers/worker"},
	"github.com/andybalholm/":                {"handlers/worker"},
	"github.com/jimsmart/grobotstxt":         {"handlers/worker"},
	"github.com/klauspost/compress":          {"handlers/worker"},
	"github.com/spf13/cobra":                 {"cmd"},
	"github.com/tmaxmax/go-sse":              {"cmd/scrapelog/client", "handlers"},
	"github.com/goccy/go-yaml":               {"cmd/scrapelog/config"},
	"github.com/prometheus/client_golang":    {"handlers/metrics"},
	"go.opentelemetry.io/":                   {"handlers/trace"},
	"github.com/yuin/goldmark":               {"handlers/web"},
	"github.com/standard-webhooks/":          {"handlers/sign"},
	"github.com/alexedwards/scs":             {"handlers/access"},
	"golang.org/x/crypto/argon2":             {"eventstore/credentials"},
	"github.com/nicholas-fedor/shoutrrr":     {"handlers/notify"},
}

// impure are the standard packages that domain must do without.
var impure = []string{
	"os", "io/fs", "net", "net/http", "log", "log/slog", "database/sql", "math/rand", "math/rand/v2", "crypto/rand",
	"runtime", "syscall", "unsafe",
}

// impureCalls are what a pure package that it does import would let it do.
var impureCalls = []string{
	"time.Now", "time.Since", "time.Until", "time.Sleep", "time.After", "time.NewTimer", "time.NewTicker",
	"uuid.New", "uuid.NewString", "uuid.NewV7", "uuid.NewRandom", "uuid.NewUUID",
}

// pkg is a package as "go list -json" has it; paths are within the module.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func TestArrowsHold(t *testing.T) {
	for _, p := range packages(t) {
		for _, broken := range p.broken() {
			t.Error(broken)
		}
	}
}

// TestArrowsAreSeenToBreak keeps the rules from passing because they see nothing.
func TestArrowsAreSeenToBreak(t *testing.T) {
	for name, p := range map[string]pkg{
		"a handler imports cmd":                  {ImportPath: "handlers/api", Imports: []string{"scrapelog/cmd/scrapelog"}},
		"the store imports a projection":         {ImportPath: "eventstore", Imports: []string{"scrapelog/projections"}},
		"a projection imports a handler":         {ImportPath: "projections", Imports: []string{"scrapelog/handlers/live"}},
		"domain imports the store":               {ImportPath: "domain", Imports: []string{"scrapelog/eventstore"}},
		"domain imports the network":             {ImportPath: "domain", Imports: []string{"net/http"}},
		"domain has a clock":                     {ImportPath: "domain", Dir: "testdata/clock", GoFiles: []string{"clock.go"}},
		"capabilities import each other":         {ImportPath: "handlers/web", Imports: []string{"scrapelog/handlers/api"}},
		"a leaf imports a capability":            {ImportPath: "handlers/live", Imports: []string{"scrapelog/handlers/scrape"}},
		"echo where nothing is served":           {ImportPath: "handlers/schedule", Imports: []string{"github.com/labstack/echo/v4"}},
		"watermill in the log":                   {ImportPath: "eventstore", Imports: []string{"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"}},
		"watermill's SQL side in a handler":      {ImportPath: "handlers/react", Imports: []string{"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"}},
		"watermill in a projection":              {ImportPath: "projections", Imports: []string{"github.com/ThreeDotsLabs/watermill/message"}},
		"a projection imports the documents":     {ImportPath: "projections", Imports: []string{"scrapelog/docs"}},
		"the documents import the domain":        {ImportPath: "docs", Imports: []string{"scrapelog/domain"}},
		"a driver outside the store":             {ImportPath: "projections", Imports: []string{"github.com/jackc/pgx/v5/stdlib"}},
		"a test package in what is shipped":      {ImportPath: "handlers/web", Imports: []string{"scrapelog/eventstore/eventstoretest"}},
		"tint in a handler":                      {ImportPath: "handlers/scrape", Imports: []string{"github.com/lmittmann/tint"}},
		"the service imports the demo":           {ImportPath: "cmd/scrapelog/serve", Imports: []string{"scrapelog/cmd/scrapelog/demo"}},
		"a client imports the service":           {ImportPath: "cmd/scrapelog/client", Imports: []string{"scrapelog/cmd/scrapelog/serve"}},
		"YAML outside of the configuration":      {ImportPath: "cmd/scrapelog/serve", Imports: []string{"github.com/goccy/go-yaml"}},
		"a folder that says nothing":             {ImportPath: "handlers/util"},
		"a folder that is not of the fixed ones": {ImportPath: "lib"},
	} {
		t.Run(name, func(t *testing.T) {
			if broken := p.broken(); len(broken) != 1 {
				t.Errorf("want one complaint, got %q", broken)
			}
		})
	}
}

func packages(t *testing.T) (all []pkg) {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "scrapelog/...")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, "scrapelog/")
		all = append(all, p)
	}
}

// broken names every rule that the package breaks.
func (p pkg) broken() (all []string) {
	complain := func(format string, args ...any) { all = append(all, p.ImportPath+" "+fmt.Sprintf(format, args...)) }
	if !slices.Contains(append(arrows, texts), top(p.ImportPath)) {
		complain("is not under %s", strings.Join(arrows, ", "))
	}
	for part := range strings.SplitSeq(p.ImportPath, "/") {
		if slices.Contains([]string{"internal", "pkg", "util", "common", "helpers"}, part) {
			complain("has a name that says nothing: %s", part)
		}
	}
	for _, imported := range p.Imports {
		if why := p.mayNotImport(imported); why != "" {
			complain("imports %s: %s", imported, why)
		}
	}
	if p.ImportPath == "domain" {
		for _, call := range p.calls(impureCalls) {
			complain("calls %s", call)
		}
	}
	return all
}

func (p pkg) mayNotImport(imported string) string {
	if ours, ok := strings.CutPrefix(imported, "scrapelog/"); ok {
		return p.mayNotImportOurs(ours)
	}
	if p.ImportPath == "domain" && slices.Contains(impure, imported) {
		return "domain is pure"
	}
	for library, allowed := range doors {
		atDoor := slices.ContainsFunc(allowed, func(door string) bool { return within(p.ImportPath, door) })
		if strings.HasPrefix(imported, library) && !atDoor && !isTestPackage(p.ImportPath) {
			return "its doors are " + strings.Join(allowed, ", ")
		}
	}
	return ""
}

func (p pkg) mayNotImportOurs(imported string) string {
	if open, walled := walls[p.ImportPath]; walled && within(imported, "cmd") && !slices.Contains(open, imported) {
		return "of cmd it may import " + strings.Join(open, ", ")
	}
	from, to := slices.Index(arrows, top(p.ImportPath)), slices.Index(arrows, top(imported))
	switch {
	case isTestPackage(imported) && !isTestPackage(p.ImportPath) && p.ImportPath != "cmd/bench":
		return "only tests use it"
	case isTestPackage(imported):
		return ""
	case imported == texts && from >= 0 && from <= slices.Index(arrows, "handlers"):
		return ""
	case to < from || imported == texts || p.ImportPath == texts:
		return "against the arrows " + strings.Join(arrows, " → ")
	case from == to && capability(p.ImportPath) != capability(imported) && !slices.Contains(leaves, imported):
		return "capabilities meet in cmd"
	}
	return ""
}

// calls finds which of the wanted functions the package's files name.
func (p pkg) calls(wanted []string) (found []string) {
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
		if err != nil {
			return append(found, err.Error())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); ok && slices.Contains(wanted, x.Name+"."+selector.Sel.Name) {
				found = append(found, x.Name+"."+selector.Sel.Name)
			}
			return true
		})
	}
	return found
}

func top(importPath string) string {
	first, _, _ := strings.Cut(importPath, "/")
	return first
}

// capability is the folder under handlers, with all that lies in it.
func capability(importPath string) string {
	parts := strings.SplitN(importPath, "/", 3)
	if len(parts) < 2 || parts[0] != "handlers" {
		return parts[0]
	}
	return parts[1]
}

func within(importPath, folder string) bool {
	return importPath == folder || strings.HasPrefix(importPath, folder+"/")
}

// isTestPackage reports whether only tests import the package: its folder, or one
// above it, is called …test. The crash checker counts as one, because it starts a
// database server of the tests.
func isTestPackage(importPath string) bool {
	tests := func(folder string) bool { return strings.HasSuffix(folder, "test") }
	return importPath == "cmd/crashcheck" || slices.ContainsFunc(strings.Split(importPath, "/"), tests)
}
