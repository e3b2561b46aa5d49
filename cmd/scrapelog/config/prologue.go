package config

import (
	"bytes"
	"regexp"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"scrapelog/cmd/scrapelog/term"
)

// plainText returns the text of a configuration file without a byte order mark,
// each line ended by LF as YAML has it; the parser folds no lines that CRLF ends. A
// file that is not UTF-8 is an error that names its encoding where it is known.
func plainText(path string, source []byte) ([]byte, error) {
	source = bytes.TrimPrefix(source, []byte("\uFEFF"))
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(source, []byte(mark)) {
			return nil, term.Usagef("%s:1:1: the file is in UTF-16; save it as UTF-8", path)
		}
	}
	if head := source[:min(len(source), 4)]; bytes.IndexByte(head, 0) >= 0 {
		return nil, term.Usagef("%s:1:1: the file holds NUL bytes, as UTF-16 and UTF-32 do; save it as UTF-8", path)
	}
	if at := invalidUTF8(source); at >= 0 {
		line := 1 + bytes.Count(source[:at], []byte("\n"))
		column := 1 + utf8.RuneCount(source[1+bytes.LastIndexByte(source[:at], '\n'):at])
		return nil, term.Usagef("%s:%d:%d: not UTF-8; save the file as UTF-8", path, line, column)
	}
	source = bytes.ReplaceAll(source, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(source, []byte("\r"), []byte("\n")), nil
}

func invalidUTF8(source []byte) int {
	for at := 0; at < len(source); {
		r, size := utf8.DecodeRune(source[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// oneDocument blanks what stands around the document of a file: directives
// (%YAML, %TAG), "---" and "...". The parser takes a directive for a document, and
// drops what follows two markers. Lines and columns stay. A second document is an
// error.
func oneDocument(path string, source []byte) ([]byte, error) {
	source = bytes.Clone(source)
	begun, ended, number := false, false, 0
	for line := range bytes.Lines(source) {
		number++
		text := bytes.TrimSpace(line)
		marker := bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("..."))
		if marker {
			bare, _, _ := bytes.Cut(text[3:], []byte(" #"))
			marker = len(bytes.TrimSpace(bare)) == 0
		}
		switch {
		case marker:
			blank(line)
			ended = begun
		case !begun && bytes.HasPrefix(line, []byte("%")):
			blank(line)
		case len(text) == 0 || text[0] == '#':
		case ended || begun && bytes.HasPrefix(line, []byte("--- ")):
			return nil, term.Usagef("%s:%d:%d: a second document; keep one document in a file", path, number, 1+bytes.Index(line, text[:1]))
		default:
			begun = true
		}
	}
	return source, nil
}

// blank leaves a line's end.
func blank(line []byte) {
	for i := range bytes.TrimRight(line, "\n") {
		line[i] = ' '
	}
}

// coreNumbers reads unquoted numbers as YAML 1.2 does: 010 is ten and 1e3 a
// thousand. The parser follows YAML 1.1 in the first and takes the second for
// text. Each becomes an integer node, whose value may be a float too, so that
// [document.check] can put the number as it was written where text belongs.
type coreNumbers struct{}

func (v coreNumbers) Visit(node ast.Node) ast.Visitor {
	switch node := node.(type) {
	case *ast.MappingValueNode:
		node.Value = coreNumber(node.Value)
	case *ast.SequenceNode:
		for i := range node.Values {
			node.Values[i] = coreNumber(node.Values[i])
		}
	case *ast.AnchorNode:
		node.Value = coreNumber(node.Value)
	}
	return v
}

var (
	zeroInteger = regexp.MustCompile(`^[-+]?0[0-9]+$`)
	coreFloat   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

func coreNumber(node ast.Node) ast.Node {
	number := &ast.IntegerNode{BaseNode: &ast.BaseNode{}, Token: node.GetToken()}
	switch n := node.(type) {
	case *ast.IntegerNode:
		number.Value = n.Value
	case *ast.FloatNode:
		number.Value = n.Value
	case *ast.StringNode:
		if n.Token.Type != token.StringType { // it is quoted
			return node
		}
	default:
		return node
	}
	text := node.GetToken().Value
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && zeroInteger.MatchString(text) {
		number.Value = n
	} else if f, err := strconv.ParseFloat(text, 64); err == nil && number.Value == nil && coreFloat.MatchString(text) {
		number.Value = f
	}
	if number.Value == nil {
		return node
	}
	return number
}
