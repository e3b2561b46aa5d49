package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/metrics"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxPage  = 16 << 20  // bytes, after decoding its content codings
	maxParts = 1_000_000 // tags and attributes of a page; a node takes 112 bytes and more
	maxTree  = 512 << 20 // bytes of memory while a page is parsed
)

var errTree = fmt.Errorf("needs more than %d MiB to be parsed", maxTree>>20)

// parsing lets one page be parsed at a time, so that what the heap grows by meanwhile
// is that page's.
var parsing = make(chan struct{}, 1)

// parse builds the tree of a page as a browser without scripts does: <noscript> is
// content. What is within <template> is no part of the page.
func parse(ctx context.Context, text string) (*html.Node, error) {
	if n := parts(text); n > maxParts {
		return nil, fmt.Errorf("holds %d tags and attributes; at most %d are parsed", n, maxParts)
	}
	select {
	case parsing <- struct{}{}:
		defer func() { <-parsing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	source := &metered{ctx: ctx, text: strings.NewReader(text), limit: heap() + maxTree}
	doc, err := html.ParseWithOptions(source, html.ParseOptionEnableScripting(false))
	if err != nil {
		return nil, fmt.Errorf("cannot be parsed: %w", err)
	}
	dropTemplates(doc)
	return doc, nil
}

// parts estimates how many tags and attributes a page has: every "<", and every word
// between one that begins a tag and the next ">".
func parts(text string) (n int) {
	inTag, blank := false, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '<':
			n++
			inTag, blank = i+1 < len(text) && (text[i+1]|0x20 >= 'a' && text[i+1]|0x20 <= 'z'), false
		case c == '>':
			inTag = false
		case c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == '/' || c == '"' || c == '\'':
			blank = true
		case inTag && blank:
			n++
			blank = false
		}
	}
	return n
}

// metered gives a page to the parser piece by piece, until the parser's tree has
// outgrown its bound: a page can make it repeat its formatting elements in every
// paragraph, hundreds for each.
type metered struct {
	ctx   context.Context
	text  io.Reader
	limit uint64
}

func (m *metered) Read(p []byte) (int, error) {
	switch {
	case m.ctx.Err() != nil:
		return 0, context.Cause(m.ctx)
	case heap() > m.limit:
		return 0, errTree
	}
	return m.text.Read(p[:min(len(p), 4<<10)])
}

// heap is how many bytes the process holds on its heap.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func dropTemplates(n *html.Node) {
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if child.DataAtom == atom.Template && child.Namespace == "" {
			for child.FirstChild != nil {
				child.RemoveChild(child.FirstChild)
			}
		}
		dropTemplates(child)
	}
}

var (
	selfClosing = regexp.MustCompile(`<([A-Za-z][\w:.-]*)((?:[^<>"'/]|/[^>]|"[^"<]*"|'[^'<]*')*)/>`)
	void        = set("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)

// closeTags makes <script/> of XHTML <script></script>: to a parser of HTML the first
// is open, and the rest of the page a script.
func closeTags(text string) string {
	return selfClosing.ReplaceAllStringFunc(text, func(tag string) string {
		m := selfClosing.FindStringSubmatch(tag)
		if void[m[1]] {
			return tag
		}
		return "<" + m[1] + m[2] + "></" + m[1] + ">"
	})
}

// packed names the format of a body that is no text: one that is compressed without
// a header that says so, or once more than that.
func packed(body []byte) error {
	for magic, name := range map[string]string{"\x1f\x8b": "gzip", "\x28\xb5\x2f\xfd": "zstd", "PK\x03\x04": "zip"} {
		if bytes.HasPrefix(body, []byte(magic)) {
			return fmt.Errorf("is %s data, not HTML", name)
		}
	}
	return nil
}

// binary reports whether the bytes are not text, for formats without a signature.
func binary(text string) error {
	start := text[:min(len(text), 1<<10)]
	controls := 0
	for i := range len(start) {
		if c := start[i]; c < 0x09 || c == 0x0b || c > 0x0d && c < 0x20 && c != 0x1b {
			controls++
		}
	}
	if controls > len(start)/50+1 {
		return errors.New("is binary data, not HTML; is it compressed without a Content-Encoding?")
	}
	return nil
}
