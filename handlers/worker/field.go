package worker

import (
	"regexp"
	"strings"

	"github.com/gocolly/colly/v2"
)

// field is where a value stands within an item.
type field struct {
	selector  string // empty: the item itself
	attribute string // empty: the text
}

// attributeOf finds the "@attribute" at the end of a field. An @ elsewhere, as in
// a[href*="@"], belongs to the selector.
var attributeOf = regexp.MustCompile(`@([A-Za-z_][A-Za-z0-9_:.-]*)$`)

func parseField(spec string) field {
	f := field{selector: strings.TrimSpace(spec)}
	if m := attributeOf.FindStringSubmatchIndex(f.selector); m != nil {
		f.attribute = strings.ToLower(f.selector[m[2]:m[3]])
		f.selector = strings.TrimSpace(f.selector[:m[0]])
	}
	if f.selector == "." {
		f.selector = ""
	}
	return f
}

// of finds the field in an item.
func (f field) of(e *colly.HTMLElement) (value string, found bool) {
	at := e.DOM
	if f.selector != "" {
		at = e.DOM.Find(f.selector).First()
	}
	if at.Length() == 0 {
		return "", false
	}
	if f.attribute == "" {
		return strings.Join(strings.Fields(at.Text()), " "), true
	}
	value, found = at.Attr(f.attribute)
	if absolute := e.Request.AbsoluteURL(value); absolute != "" && (f.attribute == "href" || f.attribute == "src") {
		value = absolute
	}
	return value, found
}
