package contract

import (
	"bytes"
	_ "embed"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// Title is what the page is called.
const Title = "What a scraper must do"

// Text is the contract in Markdown, in lines that fit a terminal.
//
//go:embed contract.md
var Text string

// HTML is the contract as the main part of a page, its first heading included.
func HTML() string {
	var page bytes.Buffer
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	if err := markdown.Convert([]byte(Text), &page); err != nil {
		panic(err) // the text is ours, and a buffer takes everything
	}
	return page.String()
}
