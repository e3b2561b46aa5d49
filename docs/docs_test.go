package docs_test

import (
	"os"
	"path"
	"path/filepath"
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

// TestLinksBetweenDocuments lead to a document or a picture, in the folder and at /docs, and
// those with a mark to a heading.
func TestLinksBetweenDocuments(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?\)`)
	heading := regexp.MustCompile("(?m)^#+ (.*)$")
	checked := 0
	for _, d := range docs.All() {
		for _, m := range link.FindAllStringSubmatch(d.Text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			checked++
			to, target := d, path.Join(path.Dir(d.Name), m[1])
			if _, isPicture := docs.Picture(target); isPicture {
				continue
			}
			if m[1] != "" {
				var ok bool
				if to, ok = docs.Get(strings.TrimSuffix(target, ".md")); !ok || !strings.HasSuffix(target, ".md") {
					t.Errorf("%s links to %s, which is no document", d.Name, m[0])
					continue
				}
			}
			marks := heading.ReplaceAllStringFunc(strings.ToLower(to.Text), func(h string) string {
				return "#" + strings.ReplaceAll(strings.TrimLeft(h, "# "), " ", "-") + "#"
			})
			if m[2] != "" && !strings.Contains(marks, "#"+m[2]+"#") {
				t.Errorf("%s links to %s, which has no such heading", d.Name, m[0])
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

// TestPicturesAreSmall keeps the binary small: it carries them.
func TestPicturesAreSmall(t *testing.T) {
	names, err := filepath.Glob("pictures/*.png")
	if err != nil || len(names) == 0 {
		t.Fatalf("no pictures: %v", err)
	}
	size := int64(0)
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 300<<10 {
		t.Errorf("the pictures have %d KB", size>>10)
	}
}

func TestADocumentThatDoesNotExist(t *testing.T) {
	for _, name := range []string{"", "..", "../go.mod", "causes", "causes/", "/contract", "contract.md", "causes/../contract", "docs.go"} {
		if d, ok := docs.Get(name); ok {
			t.Errorf("%q: %s", name, d.Title)
		}
	}
}
