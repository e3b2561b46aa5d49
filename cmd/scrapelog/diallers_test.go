package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// connecting are the functions, types and variables by which a program connects, all of
// which pass the egress rules by.
var connecting = map[string][]string{
	"net":           {"Dial", "DialTimeout", "DialTCP", "DialUDP", "DialIP", "DialUnix", "Dialer"},
	"crypto/tls":    {"Dial", "DialWithDialer", "Dialer"},
	"net/http":      {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "Transport", "Client"},
	"net/smtp":      {"Dial", "SendMail"},
	"net/rpc":       {"Dial", "DialHTTP"},
	"net/textproto": {"Dial"},
	"log/syslog":    {"Dial", "New", "NewLogger"},

	"github.com/nats-io/nats.go": {"Connect"},
	"github.com/IBM/sarama":      {"NewClient", "NewSyncProducer", "NewAsyncProducer", "NewBroker"},

	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka": {"NewPublisher"},
}

// free are the files that may connect otherwise, and why.
var free = map[string]string{
	"handlers/egress/dialer.go":      "it is the dialler that the rules are in",
	"handlers/notify/shoutrrr.go":    "it puts that dialler into the clients of net/http, which services of shoutrrr use",
	"handlers/forward/nats.go":       "it gives that dialler to NATS",
	"handlers/forward/kafka.go":      "it gives that dialler to Kafka",
	"eventstore/postgres.go":         "the database is named by the operator and holds the scrapers",
	"cmd/scrapelog/client/client.go": "the command line asks the server that its user names",
	"cmd/scrapelog/demo/demo.go":     "the demo asks its own server whether it is ready",
}

// TestOneDiallerConnects keeps connections that the egress rules do not see out of the
// product. Its one constructor is egress.Dialer.
func TestOneDiallerConnects(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		if isTestPackage(p.ImportPath) || p.ImportPath == "cmd/bench" || within(p.ImportPath, texts) {
			continue
		}
		for _, name := range p.GoFiles {
			file := path.Join(p.ImportPath, name)
			found := connects(t, filepath.Join(p.Dir, name), nil)
			if used[file] = len(found) > 0; used[file] && free[file] == "" {
				t.Errorf("%s uses %v; connect with egress.Dialer", file, found)
			}
		}
	}
	for file := range maps.Keys(free) {
		if !used[file] {
			t.Errorf("%s does not connect: take it off the list", file)
		}
	}
	const sly = `package p
import ("net"; web "net/http"; "log/syslog")
var a, b = &net.Dialer{}, web.Client{Timeout: 1}
func f() { web.Get(""); _ = web.DefaultTransport.(*web.Transport); new(web.Transport); syslog.New(0, ""); _ = web.Client{Transport: nil} }`
	want := []string{"net.Dialer", "http.Client without a Transport", "http.Get", "http.DefaultTransport", "http.Transport", "syslog.New"}
	if found := connects(t, "sly.go", sly); !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}

// connects names what a file connects with. Types count where a value of them is made,
// and a client only if it is made without a transport.
func connects(t *testing.T, name string, source any) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]string{}
	for _, i := range file.Imports {
		from, _ := strconv.Unquote(i.Path.Value)
		imported[path.Base(from)] = from
		if i.Name != nil {
			imported[i.Name.Name] = from
		}
	}
	named := func(e ast.Expr) string {
		selector, ok := e.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		x, ok := selector.X.(*ast.Ident)
		if from := imported[nameOf(x)]; ok && slices.Contains(connecting[from], selector.Sel.Name) {
			return path.Base(from) + "." + selector.Sel.Name
		}
		return ""
	}
	types := []string{"net.Dialer", "tls.Dialer", "http.Transport", "http.Client"}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			switch what := named(n.Type); {
			case what == "http.Client" && slices.ContainsFunc(n.Elts, isTransport):
			case what == "http.Client":
				found = append(found, what+" without a Transport")
			case what != "":
				found = append(found, what)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "new" && named(n.Args[0]) != "" {
				found = append(found, named(n.Args[0]))
			}
		case *ast.SelectorExpr:
			if what := named(n); what != "" && !slices.Contains(types, what) {
				found = append(found, what)
			}
		}
		return true
	})
	return found
}

func nameOf(x *ast.Ident) string {
	if x == nil {
		return ""
	}
	return x.Name
}

func isTransport(e ast.Expr) bool {
	pair, ok := e.(*ast.KeyValueExpr)
	if !ok {
		return false
	}
	key, ok := pair.Key.(*ast.Ident)
	return ok && key.Name == "Transport"
}
