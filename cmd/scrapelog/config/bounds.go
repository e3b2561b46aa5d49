package config

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"scrapelog/cmd/scrapelog/term"
)

// The bounds of what a file may ask of the parser and the decoder, which have none: they
// take gigabytes for 100 KB of brackets, and for ten lines of aliases of aliases.
const (
	maxNested = 100       // blocks within blocks; params may have 32
	maxNodes  = 1_000_000 // keys and values, with those that aliases repeat; a scraper has about 25
)

// shallow refuses tokens that are nested too deeply, before the parser meets them.
func shallow(path string, tokens token.Tokens) error {
	flow, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			entries, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.CollectEntryType: // a comma
			entries = 0
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType: // several fit into a line
			entries++
		default: // the others begin no block
		}
		if flow+entries+t.Position.IndentLevel > maxNested {
			return term.Usagef("%s:%d:%d: is nested more than %d deep; write it flatter", path, t.Position.Line, t.Position.Column, maxNested)
		}
	}
	return nil
}

// anchors are the nodes that the aliases of a document stand for.
type anchors struct {
	nodes  map[string]ast.Node
	weight map[string]int // nodes, those of aliases counted where they are repeated
	fault  error
	path   string
}

// weigh counts the nodes of a part of the document, and keeps its anchors. The anchor of
// an alias stands before it and has ended.
func (a *anchors) weigh(node ast.Node) (n int) {
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, entry := range node.Values {
			n += a.weigh(entry)
		}
	case *ast.MappingValueNode:
		n = a.weigh(node.Value)
	case *ast.SequenceNode:
		for _, value := range node.Values {
			n += a.weigh(value)
		}
	case *ast.TagNode:
		n = a.weigh(node.Value)
	case *ast.AnchorNode:
		n = a.weigh(node.Value)
		name := node.Name.GetToken().Value
		a.nodes[name], a.weight[name] = node.Value, n
	case *ast.AliasNode:
		name := node.Value.GetToken().Value
		if _, ok := a.nodes[name]; !ok {
			a.refuse(node, fmt.Sprintf("*%.40s stands for nothing: there is no &%.40s that ends before it", name, name))
		}
		n = a.weight[name]
	}
	if n++; n > maxNodes {
		a.refuse(node, fmt.Sprintf("more than %d keys and values, with those that aliases repeat; split the file, or write less of it as aliases", maxNodes))
		n = maxNodes // for the sums around it
	}
	return n
}

func (a *anchors) refuse(node ast.Node, problem string) {
	if a.fault == nil {
		pos := node.GetToken().Position
		a.fault = term.Usagef("%s:%d:%d: %s", a.path, pos.Line, pos.Column, problem)
	}
}
