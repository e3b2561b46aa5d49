package contract

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// Text is the contract in Markdown, in lines that fit a terminal.
//
//go:embed contract.md
var Text string

// HTML is the contract as the body of a page, its title included.
func HTML() (string, error) {
	var page bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert([]byte(Text), &page); err != nil {
		return "", fmt.Errorf("render the contract: %w", err)
	}
	return page.String(), nil
}
