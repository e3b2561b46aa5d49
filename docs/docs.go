// Package docs holds the documents that the binary carries. The server shows them
// under /docs, and the help of the command line prints some of them.
package docs

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.md howto/*.md reference/*.md causes/*.md design/*.md
//go:embed pictures/outage.png pictures/overview.png pictures/proof.png pictures/run.png pictures/kill.png
var files embed.FS

// Picture returns a picture of a document, as PNG, by its path below /docs.
func Picture(path string) (png []byte, ok bool) {
	if !strings.HasSuffix(path, ".png") {
		return nil, false
	}
	png, err := files.ReadFile(path)
	return png, err == nil
}

// CheckBundle is a program in Python that checks a bundle of "scrapelog audit bundle".
//
//go:embed check_bundle.py
var CheckBundle []byte

//go:embed examples/add.sh examples/one-liner.yaml examples/scraper.py examples/scraper.mjs examples/go/main.go examples/scrapy/spider.py examples/scrapy/worker.yaml
var examples embed.FS

// Example returns a file of docs/examples.
func Example(name string) string {
	text, err := examples.ReadFile("examples/" + name)
	if err != nil {
		panic(err) // only files that are embedded are asked for
	}
	return string(text)
}

// Document is a text in Markdown.
type Document struct {
	Name  string // its path below /docs, "causes/eof"
	Title string // its first heading, without marks
	Text  string
}

// Get returns the document with this name. ok is false if there is none.
func Get(name string) (d Document, ok bool) {
	text, err := files.ReadFile(name + ".md")
	if err != nil {
		return Document{}, false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	title := strings.ReplaceAll(strings.TrimPrefix(first, "# "), "`", "")
	return Document{Name: name, Title: title, Text: string(text)}, true
}

// All returns every document, sorted by name.
func All() []Document {
	var all []Document
	_ = fs.WalkDir(files, ".", func(path string, _ fs.DirEntry, _ error) error {
		if d, ok := Get(strings.TrimSuffix(path, ".md")); ok {
			all = append(all, d)
		}
		return nil
	})
	return all
}

// Shelf is documents of one purpose.
type Shelf struct {
	Title     string
	Documents []Document
}

// begin are the documents to read first, in this order.
var begin = []string{"tour", "install", "concepts", "alternatives"}

// Shelves returns every document, by what it is read for.
func Shelves() []Shelf {
	shelves := []Shelf{{Title: "Begin"}, {Title: "How to"}, {Title: "In depth"}, {Title: "Reference"}, {Title: "Causes and failure codes"}, {Title: "Design"}}
	for _, name := range begin {
		d, _ := Get(name)
		shelves[0].Documents = append(shelves[0].Documents, d)
	}
	for _, d := range All() {
		folder, _, _ := strings.Cut(d.Name, "/")
		i, known := map[string]int{"howto": 1, "reference": 3, "causes": 4, "design": 5}[folder]
		switch {
		case slices.Contains(begin, d.Name):
		case known:
			shelves[i].Documents = append(shelves[i].Documents, d)
		default:
			shelves[2].Documents = append(shelves[2].Documents, d)
		}
	}
	return shelves
}
