package worker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

const (
	maxItems = 100_000  // of a page
	maxTexts = 32 << 20 // bytes of all values of a page: items within items repeat them
	maxNext  = 1_000    // links of a page that are looked at
)

// page is what was found on one.
type page struct {
	url    string
	items  []map[string]string
	next   []string // the addresses that next selects, in order; empty: an element without href
	digest [sha256.Size]byte
	text   decoded
}

// extractor takes pages apart by the selectors of a scrape.
type extractor struct {
	item   cascadia.Matcher
	next   cascadia.Matcher // nil: there is none
	fields []namedField
}

type namedField struct {
	name string
	field
	at cascadia.Matcher // nil: the item itself
}

func newExtractor(h *HTML) (*extractor, error) {
	x := &extractor{}
	var err error
	if x.item, err = cascadia.Compile(h.Item); err != nil {
		return nil, err
	}
	if h.Next != "" {
		if x.next, err = cascadia.Compile(h.Next); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Fields)) {
		f := namedField{name: name, field: parseField(h.Fields[name])}
		if f.selector != "" {
			if f.at, err = cascadia.Compile(f.selector); err != nil {
				return nil, err
			}
		}
		x.fields = append(x.fields, f)
	}
	return x, nil
}

// page finds items and next links in the text of the page at url.
func (x *extractor) page(ctx context.Context, url string, text decoded) (page, error) {
	doc, err := parse(ctx, text.text)
	if err != nil {
		return page{}, err
	}
	got := page{url: url, text: text}
	from := base{url: baseOf(ctx, doc, url), enc: text.query}
	sum := sha256.New()
	var hashed *html.Node
	size := 0
	for item := range find(ctx, doc, x.item) {
		fields := x.fieldsOf(ctx, item, from)
		for name, value := range fields {
			size += len(name) + len(value)
		}
		got.items = append(got.items, fields)
		if len(got.items) > maxItems || size > maxTexts {
			return page{}, fmt.Errorf("holds more than %d items or %d MiB of values", maxItems, maxTexts>>20)
		}
		if !within(item, hashed) {
			hashed = item
			_ = html.Render(sum, item) // what cannot be written is left out of the digest
		}
	}
	if len(got.items) == 0 {
		sum.Write([]byte(text.text))
	}
	sum.Sum(got.digest[:0])
	if x.next != nil {
		got.next = x.nextOf(ctx, doc, from)
	}
	return got, context.Cause(ctx)
}

func (x *extractor) fieldsOf(ctx context.Context, item *html.Node, from base) map[string]string {
	fields := map[string]string{}
	for _, f := range x.fields {
		at := item
		if f.at != nil {
			at = first(ctx, item, f.at)
		}
		if at == nil {
			continue
		}
		if value, found := f.value(at, from); found {
			fields[f.name] = value
		}
	}
	return fields
}

// nextOf returns maxNext addresses at most.
func (x *extractor) nextOf(ctx context.Context, doc *html.Node, from base) (next []string) {
	for link := range find(ctx, doc, x.next) {
		href, _ := attribute(link, "href")
		if strings.TrimSpace(href) != "" {
			href = from.resolve(href)
		}
		if next = append(next, href); len(next) == maxNext {
			break
		}
	}
	return next
}

// baseOf is what addresses of the page are relative to: the first <base> with an
// href, by the page's own address.
func baseOf(ctx context.Context, doc *html.Node, url string) string {
	for n := range find(ctx, doc, baseSelector) {
		href, _ := attribute(n, "href")
		if absolute, ok := link(url, href); ok {
			return absolute
		}
		break
	}
	return url
}

var baseSelector = cascadia.MustCompile("base[href]")

// find yields the elements below root that m matches, in the order of the page. It
// ends early when ctx does: a selector can be slow on a page that is made for it.
func find(ctx context.Context, root *html.Node, m cascadia.Matcher) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for n := range root.Descendants() {
			if ctx.Err() != nil {
				return
			}
			if n.Type == html.ElementNode && m.Match(n) && !yield(n) {
				return
			}
		}
	}
}

func first(ctx context.Context, root *html.Node, m cascadia.Matcher) *html.Node {
	for n := range find(ctx, root, m) {
		return n
	}
	return nil
}

func within(n, outer *html.Node) bool {
	for ; n != nil && outer != nil; n = n.Parent {
		if n == outer {
			return true
		}
	}
	return false
}
