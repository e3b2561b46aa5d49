package worker

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
)

// HTML is a scrape of pages, one platform after the other.
//
// Each element that Item selects becomes one line of Output:
//
//	{"run_id":"…","platform":"…","page":"https://…","at":"…","fields":{"title":"…"}}
//
// A field is "selector", for the text of the first match within the item, or
// "selector@attribute"; "." is the item itself, so ".@id" is its id. A field that
// nothing matches is left out. Text is a browser's innerText with its white space
// folded: words are apart at <br> and at blocks, <noscript> is content, and <script>,
// <style>, <template> and hidden elements are not. As there, 12<sup>99</sup> is 1299:
// select sup as a separate field. Addresses in href, src, srcset, data-src and similar
// attributes are made absolute.
//
// Next selects links. The first one that leads to a page which was not read yet, of
// the same scheme, host and port as the start page, is followed. The crawl of a
// platform ends without such a link, after MaxPages, at a page that robots.txt forbids,
// and at a page that repeats the items of the page before it or of the first. The note
// of "completed" says which.
//
// Pages are decoded as browsers do: by byte order mark, the charset of Content-Type,
// <meta>, else as UTF-8 where that is valid, else as windows-1252. gzip, deflate, br
// and zstd are undone, a page may be 16 MiB after that, and hold a million tags and
// attributes. Redirects are followed within the origin. 429 and 503 with Retry-After
// are waited for, 60 s at most; another 5xx or a broken connection is tried twice more.
//
// robots.txt is obeyed by RFC 9309, for the product token "scrapelog": 5 redirects,
// 512 KiB, 4xx allows everything, 5xx or no answer forbids everything.
type HTML struct {
	Platforms []Platform        `yaml:"platforms"` // the sites to read
	Item      string            `yaml:"item"`      // CSS selector of an item
	Fields    map[string]string `yaml:"fields"`    // of each item: a CSS selector, with @attribute behind it
	Next      string            `yaml:"next"`      // CSS selector of the link to the next page
	Rate      float64           `yaml:"rate"`      // pages a second; default 1
	MaxPages  int               `yaml:"max_pages"` // of each platform; default 10,000
	Output    string            `yaml:"output"`    // a file that items are appended to, made with mode 0600
}

// Platform is one site of a scrape.
type Platform struct {
	Name  string `yaml:"name"`  // it stands with each item
	Start string `yaml:"start"` // URL of the first page
}

const (
	DefaultRate     = 1.0    // pages a second
	DefaultMaxPages = 10_000 // of a platform
)

func (h *HTML) validate(at string) error {
	if len(h.Platforms) == 0 {
		return fieldError(at+".platforms", "give at least one, with name and start", "is empty")
	}
	taken := map[string]bool{}
	for i, p := range h.Platforms {
		at := fmt.Sprintf("%s.platforms[%d]", at, i)
		if p.Name == "" || taken[p.Name] {
			return fieldError(at+".name", "give each platform its own name", "%q is empty or there twice", p.Name)
		}
		taken[p.Name] = true
		if err := validURL(at+".start", p.Start); err != nil {
			return err
		}
	}
	if err := h.validSelectors(at); err != nil {
		return err
	}
	if h.Rate != 0 && !(h.Rate >= 0.001 && h.Rate <= 100) { // NaN is out of range too
		return fieldError(at+".rate", "use pages a second, 0.001 to 100; 0.2 is one in five seconds", "%v is out of range", h.Rate)
	}
	if h.MaxPages < 0 {
		return fieldError(at+".max_pages", "use how many pages to read at most; 0 means 10000", "%d is negative", h.MaxPages)
	}
	if h.Output == "" {
		return fieldError(at+".output", "name a file such as items.ndjson", "is missing")
	}
	return nil
}

func (h *HTML) validSelectors(at string) error {
	if err := validSelector(at+".item", h.Item); err != nil {
		return err
	}
	if len(h.Fields) == 0 {
		return fieldError(at+".fields", `give at least one, such as title: "h2"`, "is empty")
	}
	for _, name := range slices.Sorted(maps.Keys(h.Fields)) {
		if f := parseField(h.Fields[name]); f.selector != "" {
			if err := validSelector(at+".fields."+name, f.selector); err != nil {
				return err
			}
		}
	}
	if h.Next == "" {
		return nil
	}
	return validSelector(at+".next", h.Next)
}

// validSelector refuses what cascadia cannot parse.
func validSelector(field, selector string) error {
	if _, err := cascadia.Compile(selector); err != nil {
		return fieldError(field, selectorHint(selector), "%q is not a CSS selector (%v)", selector, err)
	}
	return nil
}

// foreign matches how other tools ask for an attribute or a text.
var foreign = regexp.MustCompile(`^(.*?)\s*::(?:attr\(\s*([A-Za-z_][A-Za-z0-9_:.-]*)\s*\)|text)$`)

// selectorHint says what to write where a selector is written for another tool.
func selectorHint(selector string) string {
	m := foreign.FindStringSubmatch(strings.TrimSpace(selector))
	switch {
	case m != nil && m[2] != "":
		return fmt.Sprintf("write an attribute of a field as %s@%s; next takes href by itself", m[1], m[2])
	case m != nil:
		return fmt.Sprintf("write %s, whose text is taken", cmp.Or(m[1], "."))
	case strings.HasPrefix(selector, "/"), strings.HasPrefix(selector, "./"):
		return "XPath is not understood; use a CSS selector such as li.product > a"
	}
	switch {
	case strings.Contains(selector, ":is("), strings.Contains(selector, ":where("):
		return "write the alternatives out, separated by commas, instead of :is() and :where()"
	case strings.Contains(selector, ":has("):
		return "write what :has() holds without a combinator before it, as li:has(a)"
	}
	return "use one such as li.product > a"
}
