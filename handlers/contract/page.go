package contract

import (
	"bytes"
	_ "embed"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// Title is the title of the page.
const Title = "What a scraper must do"

// Text is the contract in Markdown. Its lines fit a terminal.
//
//go:embed contract.md
var Text string

// HTML returns the contract as the main part of a page, with its first heading.
func HTML() string {
	var page bytes.Buffer
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	if err := markdown.Convert([]byte(Text), &page); err != nil {
		panic(err) // cannot happen: the text is constant, and a buffer does not fail
	}
	return page.String()
}
