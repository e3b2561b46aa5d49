package worker

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// innerText is the text of an element as a browser's innerText gives it, its white
// space folded to single blanks: words apart at <br> and at blocks, without what
// browsers do not show. An element that is itself not shown, such as <script>, gives
// its whole content, as there.
func innerText(n *html.Node) string {
	var b strings.Builder
	for child := range n.ChildNodes() {
		appendText(&b, child)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func appendText(b *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		b.WriteString(n.Data)
	case n.Type != html.ElementNode || unseen(n):
	default:
		apart := separate[n.DataAtom]
		if apart {
			b.WriteByte('\n')
		}
		for child := range n.ChildNodes() {
			appendText(b, child)
		}
		if apart {
			b.WriteByte('\n')
		}
	}
}

// unseen is what the style sheet of the HTML standard does not display.
func unseen(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Base, atom.Datalist, atom.Head, atom.Link, atom.Meta, atom.Noembed, atom.Noframes,
		atom.Param, atom.Rp, atom.Script, atom.Style, atom.Template, atom.Title:
		return true
	}
	_, hidden := attribute(n, "hidden")
	return hidden
}

// separate are the elements that stand on lines or in cells of their own.
var separate = set(
	atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Caption, atom.Center,
	atom.Dd, atom.Details, atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption,
	atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header,
	atom.Hgroup, atom.Hr, atom.Html, atom.Legend, atom.Li, atom.Listing, atom.Main, atom.Menu, atom.Nav, atom.Ol,
	atom.Optgroup, atom.Option, atom.P, atom.Plaintext, atom.Pre, atom.Search, atom.Section, atom.Select,
	atom.Summary, atom.Table, atom.Tbody, atom.Td, atom.Tfoot, atom.Th, atom.Thead, atom.Tr, atom.Ul, atom.Xmp,
)

// attribute finds an attribute by its name, which may have a prefix, as xlink:href.
func attribute(n *html.Node, name string) (value string, found bool) {
	for _, a := range n.Attr {
		if a.Key == name || a.Namespace != "" && a.Namespace+":"+a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
