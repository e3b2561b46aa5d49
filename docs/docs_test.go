package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"scrapelog/docs"
	"scrapelog/domain/domaintest"
)

func TestEveryCauseAndFailureCodeIsExplained(t *testing.T) {
	words := domaintest.Words(t)
	names := slices.Concat(words["Cause"], words["FailureCode"])
	for _, name := range names {
		d, ok := docs.Get("causes/" + name)
		if !ok {
			t.Errorf("docs/causes/%s.md is missing", name)
			continue
		}
		if !strings.HasPrefix(d.Title, name+": ") {
			t.Errorf("%s: titled %q", name, d.Title)
		}
		headings := regexp.MustCompile(`(?m)^## .*$`).FindAllString(d.Text, -1)
		if got := strings.Join(headings, ","); got != "## What it means,## How to look,## What to do" {
			t.Errorf("%s: sections %s", name, got)
		}
	}
	for _, d := range docs.All() {
		if name, isCause := strings.CutPrefix(d.Name, "causes/"); isCause && !slices.Contains(names, name) {
			t.Errorf("docs/%s.md explains no cause or failure code", d.Name)
		}
	}
}

func TestWhatTheCommandLinePrintsFitsATerminal(t *testing.T) {
	for _, d := range docs.All() {
		if d.Name != "contract" && !strings.HasPrefix(d.Name, "causes/") {
			continue
		}
		for line := range strings.Lines(d.Text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 82 {
				t.Errorf("%s: %d columns: %s", d.Name, n, line)
			}
		}
	}
}

func TestADocumentThatDoesNotExist(t *testing.T) {
	for _, name := range []string{"", "..", "../go.mod", "causes", "causes/", "/contract", "contract.md", "causes/../contract", "docs.go"} {
		if d, ok := docs.Get(name); ok {
			t.Errorf("%q: %s", name, d.Title)
		}
	}
}
