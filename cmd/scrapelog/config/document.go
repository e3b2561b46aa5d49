package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
)

// document is a parsed configuration file, with the places of its keys.
type document struct {
	path    string
	body    ast.Node // nil: the file is empty
	anchors map[string]ast.Node
	decoder *yaml.Decoder
}

// maxConfig bounds a configuration file: 20,000 scrapers take 2 MB.
const maxConfig = 16 << 20

// Read reads a configuration file.
func Read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, term.Usagef("%s: cannot be read: %v", path, term.UnwrapPath(err))
	}
	defer file.Close()
	source, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	switch {
	case err != nil:
		return nil, term.Usagef("%s: cannot be read: %v", path, term.UnwrapPath(err))
	case len(source) > maxConfig:
		return nil, term.Usagef("%s: is larger than %d MB", path, maxConfig>>20)
	}
	return source, nil
}

// decodeStrict decodes a configuration file on top of what into points to. A key
// that has no place there is an error, with line and column. The document says
// where a value that proves wrong later stands.
func decodeStrict(path string, source []byte, into any) (*document, error) {
	doc, err := parseDocument(path, source)
	if err != nil {
		return nil, err
	}
	if err := doc.check(into); err != nil {
		return nil, err
	}
	return doc, doc.decode(doc.body, into)
}

// parseDocument reads one YAML document. The parser refuses a key that comes twice.
func parseDocument(path string, source []byte) (doc *document, err error) {
	defer func() {
		if r := recover(); r != nil { // the parser is not ours, and the file may hold anything
			doc, err = nil, term.Usagef("%s: cannot be read as YAML", path)
		}
	}()
	if source, err = plainText(path, source); err != nil {
		return nil, err
	}
	if source, err = oneDocument(path, source); err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(string(source))
	if err := shallow(path, tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntaxError(path, err)
	}
	doc = &document{path: path, decoder: yaml.NewDecoder(strings.NewReader(""), yaml.AllowDuplicateMapKey())}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return doc, nil
	}
	body := file.Docs[0].Body
	if tagged, ok := body.(*ast.TagNode); ok {
		body = tagged.Value
	}
	if body.Type() == ast.CommentType || body.Type() == ast.NullType {
		return doc, nil
	}
	anchors := &anchors{nodes: map[string]ast.Node{}, weight: map[string]int{}, path: path}
	if anchors.weigh(body); anchors.fault != nil {
		return nil, anchors.fault
	}
	ast.Walk(mergesFirst{}, body)
	ast.Walk(coreNumbers{}, body)
	doc.body, doc.anchors = body, anchors.nodes
	return doc, nil
}

// mergesFirst moves "<<: *anchor" to the front of its block. The parser has
// refused a key that comes twice; for the decoder, which merges in order, a key
// of the block's own then beats the merged one, as YAML has it.
type mergesFirst struct{}

func (v mergesFirst) Visit(node ast.Node) ast.Visitor {
	if block, ok := node.(*ast.MappingNode); ok {
		slices.SortStableFunc(block.Values, func(a, b *ast.MappingValueNode) int {
			switch {
			case a.Key.IsMergeKey() == b.Key.IsMergeKey():
				return 0
			case a.Key.IsMergeKey():
				return -1
			}
			return 1
		})
	}
	return v
}

func (d *document) decode(node ast.Node, into any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = term.Usagef("%s: cannot be read as YAML", d.path)
		}
	}()
	if node == nil {
		return nil
	}
	if err := d.decoder.DecodeFromNode(node, into); err != nil {
		return syntaxError(d.path, err)
	}
	return nil
}

// place turns a *domain.FieldError into one that names the line and column. The
// field is looked for below the given path; other errors pass.
func (d *document) place(below string, err error) error {
	var field *domain.FieldError
	if !errors.As(err, &field) {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	at := strings.TrimPrefix(below+"."+field.Field, ".")
	pos := d.position(at)
	return term.Failf(term.ErrUsage, "%s:%d:%d: %s: %s; %s", d.path, pos.Line, pos.Column, at, field.Problem, field.Want)
}

func (d *document) fault(node ast.Node, at, problem, want string) error {
	pos := start(node)
	if at != "" {
		problem = at + ": " + problem
	}
	return term.Usagef("%s:%d:%d: %s; %s", d.path, pos.Line, pos.Column, problem, want)
}

// keys returns the keys at the top of the document.
func (d *document) keys() (keys []string) {
	block, ok := d.body.(ast.MapNode)
	if !ok {
		return nil
	}
	for entries := block.MapRange(); entries.Next(); {
		keys = append(keys, keyOf(entries.Key()))
	}
	return keys
}

// position returns the place of the value at a path such as
// "scrapers[1].probe.interval", or of the nearest node around it when there is none.
func (d *document) position(path string) token.Position {
	node, _ := d.find(path)
	return start(node)
}

// find returns the value at a path, or else the nearest node around it. there reports
// whether the document has the value.
func (d *document) find(path string) (node ast.Node, there bool) {
	node = d.body
	for path != "" && node != nil {
		var step string
		step, path = nextStep(path)
		child := childOf(resolve(node), step)
		if child == nil {
			return node, false
		}
		node = child
	}
	return node, node != nil
}

// nextStep cuts "scrapers[1].name" into "scrapers" and "[1].name".
func nextStep(path string) (step, rest string) {
	path = strings.TrimPrefix(path, ".")
	if end := strings.IndexAny(path[min(1, len(path)):], ".["); end >= 0 {
		return path[:end+1], path[end+1:]
	}
	return path, ""
}

func childOf(node ast.Node, step string) ast.Node {
	switch node := node.(type) {
	case ast.MapNode:
		for entries := node.MapRange(); entries.Next(); {
			if keyOf(entries.Key()) == step {
				return entries.Value()
			}
		}
	case *ast.SequenceNode:
		var i int
		if _, err := fmt.Sscanf(step, "[%d]", &i); err == nil && i < len(node.Values) {
			return node.Values[i]
		}
	}
	return nil
}

// start returns the place where a node begins: for a block of keys, its first key.
func start(node ast.Node) token.Position {
	if node == nil {
		return token.Position{Line: 1, Column: 1}
	}
	if block, ok := resolve(node).(ast.MapNode); ok {
		if entries := block.MapRange(); entries.Next() {
			node = entries.Key()
		}
	}
	return *node.GetToken().Position
}

// meant looks through aliases too: what one stands for must fit where it is repeated.
func (d *document) meant(node ast.Node) ast.Node {
	for node = resolve(node); node.Type() == ast.AliasType; node = resolve(node) {
		node = d.anchors[node.(*ast.AliasNode).Value.GetToken().Value]
	}
	return node
}

// resolve looks through anchors and tags. An alias stays one: errors about what it stands
// for name the place where that is defined.
func resolve(node ast.Node) ast.Node {
	for {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
}

func keyOf(key ast.MapKeyNode) string { return key.GetToken().Value }

func syntaxError(path string, err error) error {
	var positioned yaml.Error
	if !errors.As(err, &positioned) || positioned.GetToken() == nil {
		return term.Usagef("%s: %v", path, err)
	}
	pos := positioned.GetToken().Position
	return term.Usagef("%s:%d:%d: %s%s", path, pos.Line, pos.Column, positioned.GetMessage(), syntaxAdvice(positioned.GetMessage()))
}

// syntaxAdvice says what helps against the mistakes that schedules invite: @hourly
// and */15 mean something to YAML.
func syntaxAdvice(message string) string {
	switch {
	case strings.Contains(message, "reserved character"), strings.Contains(message, "value is not allowed in this context"):
		return "; put a value that begins with @, * or another sign in quotes"
	case strings.Contains(message, "found character '\t'"):
		return "; indent with blanks, not with tabs"
	}
	return ""
}
