package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"scrapelog/domain"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// check compares the document with the shape of a Go value, so that a key or a
// value that has no place there is named with where it stands and what would be
// right; the decoder's own errors speak of Go types.
func (d *document) check(like any) error {
	if d.body == nil {
		return nil
	}
	return d.checkNode(d.body, reflect.TypeOf(like), "")
}

func (d *document) checkNode(node ast.Node, t reflect.Type, at string) error {
	node = d.meant(node)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case node.Type() == ast.NullType:
		return nil
	case reflect.PointerTo(t).Implements(textType):
		return d.checkText(node, t, at)
	}
	switch t.Kind() {
	case reflect.Struct:
		return d.checkStruct(node, t, at)
	case reflect.Slice:
		return d.checkSlice(node, t, at)
	case reflect.Map:
		return d.checkMap(node, t, at)
	case reflect.Interface:
		return nil
	}
	return d.checkScalar(node, t, at)
}

func (d *document) checkStruct(node ast.Node, t reflect.Type, at string) error {
	block, ok := node.(ast.MapNode)
	if !ok {
		return d.fault(node, at, describe(node, at)+" where keys are expected", "use "+strings.Join(keysOf(t), ", "))
	}
	for entries := block.MapRange(); entries.Next(); {
		if entries.Key().IsMergeKey() {
			continue
		}
		field, known := fieldOf(t, keyOf(entries.Key()))
		if !known {
			key := keyOf(entries.Key())
			return d.fault(entries.Key(), at, fmt.Sprintf("unknown key %q", key), domain.Suggest(key, keysOf(t)))
		}
		if err := d.checkNode(entries.Value(), field.Type, below(at, keyOf(entries.Key()))); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) checkSlice(node ast.Node, t reflect.Type, at string) error {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return d.fault(node, at, describe(node, at)+" where a list is expected", "use [a, b] or a line with - for each")
	}
	for i, item := range list.Values {
		if err := d.checkNode(item, t.Elem(), fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) checkMap(node ast.Node, t reflect.Type, at string) error {
	block, ok := node.(ast.MapNode)
	if !ok {
		return d.fault(node, at, describe(node, at)+" where keys are expected", "use {key: value}")
	}
	for entries := block.MapRange(); entries.Next(); {
		if err := d.checkNode(entries.Value(), t.Elem(), below(at, keyOf(entries.Key()))); err != nil {
			return err
		}
	}
	return nil
}

// checkText lets the type itself read the value and keeps its words.
func (d *document) checkText(node ast.Node, t reflect.Type, at string) error {
	if _, ok := node.(ast.ScalarNode); !ok {
		return d.fault(node, at, describe(node, at)+" where one value is expected", "write it as text")
	}
	value := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	if err := value.UnmarshalText([]byte(textOf(node))); err != nil {
		problem, want, _ := strings.Cut(strings.TrimPrefix(err.Error(), "invalid: "), "; ")
		return d.fault(node, at, problem, want)
	}
	return nil
}

func (d *document) checkScalar(node ast.Node, t reflect.Type, at string) error {
	_, scalar := node.(ast.ScalarNode)
	number, isNumber := node.(*ast.IntegerNode)
	ok, want := scalar, "write it as text"
	switch t.Kind() {
	case reflect.String:
		if isNumber { // 010 and 1.10 stay as they are written
			number.Value = number.Token.Value
		}
	case reflect.Bool:
		ok, want = node.Type() == ast.BoolType, "use true or false"
	case reflect.Int, reflect.Int64:
		ok, want = isNumber && reflect.ValueOf(number.Value).CanConvert(t) && reflect.TypeOf(number.Value).Kind() != reflect.Float64, "use a whole number"
	case reflect.Float64:
		ok, want = isNumber, "use a number"
	}
	if !ok {
		return d.fault(node, at, describe(node, at)+" does not fit here", want)
	}
	return nil
}

// describe shows what stands at a key, but not where the name of a secret
// belongs: the secret itself may be there.
func describe(node ast.Node, at string) string {
	switch node.(type) {
	case *ast.SequenceNode:
		return "a list"
	case ast.MapNode:
		return "a block of keys"
	}
	if secretKey.MatchString(at) {
		return "a text"
	}
	return fmt.Sprintf("%q", textOf(node))
}

// secretKey matches the path of a key that takes names of environment variables.
var secretKey = regexp.MustCompile(`(^|\.)(\w+_env|env|secrets)\b`)

func textOf(node ast.Node) string {
	if literal, ok := node.(*ast.LiteralNode); ok {
		return literal.Value.Value
	}
	return node.GetToken().Value
}

// fieldOf finds the field of a key, in inlined structs too.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for _, field := range reflect.VisibleFields(t) {
		if name := yamlKey(field); name != "" && name == key {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for _, field := range reflect.VisibleFields(t) {
		if key := yamlKey(field); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// yamlKey is the key of a field; without a tag it has none.
func yamlKey(field reflect.StructField) string {
	key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	if key == "-" || !field.IsExported() {
		return ""
	}
	return key
}

func below(at, key string) string { return strings.TrimPrefix(at+"."+key, ".") }
