package worker

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
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

// value reads the field's attribute or text of an element. Addresses are made
// absolute.
func (f field) value(at *html.Node, from base) (value string, found bool) {
	if f.attribute == "" {
		return innerText(at), true
	}
	value, found = attribute(at, f.attribute)
	switch {
	case !found:
		return "", false
	case addressLists[f.attribute]:
		return absoluteList(from, value), true
	case addresses[f.attribute], f.attribute == "data" && at.Data == "object":
		value = from.resolve(value)
	}
	return value, true
}

// The attributes that hold an address, and those that hold a list as srcset does.
// HTML defines them, or scripts that load pictures late have made them common.
var (
	addresses = set("href", "src", "action", "formaction", "poster", "cite", "background", "longdesc", "xlink:href",
		"data-href", "data-src", "data-original", "data-lazy-src", "data-lazy")
	addressLists = set("srcset", "imagesrcset", "data-srcset", "data-lazy-srcset")
)

func set[T comparable](names ...T) map[T]bool {
	all := map[T]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// absoluteList resolves the addresses of a srcset, whose candidates are an address,
// which may contain commas, and a descriptor such as 2x, in parentheses or not.
func absoluteList(from base, list string) string {
	var out []string
	const blanks = " \t\n\f\r"
	for rest := strings.Trim(list, blanks+","); rest != ""; rest = strings.TrimLeft(rest, blanks+",") {
		end := strings.IndexAny(rest, blanks)
		if end < 0 {
			end = len(rest)
		}
		address := rest[:end]
		rest = rest[end:]
		bare := strings.TrimRight(address, ",")
		absolute := from.resolve(bare)
		if bare == address {
			var descriptor string
			descriptor, rest = cutDescriptor(rest)
			absolute = strings.TrimSpace(absolute + " " + strings.Join(strings.Fields(descriptor), " "))
		}
		out = append(out, absolute)
	}
	return strings.Join(out, ", ")
}

// cutDescriptor ends at the first comma outside of parentheses.
func cutDescriptor(s string) (descriptor, rest string) {
	depth := 0
	for i := range len(s) {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')' && depth > 0:
			depth--
		case s[i] == ',' && depth == 0:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
