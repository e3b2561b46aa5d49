package worker

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// maxHead bounds the search for <meta charset>. Browsers look at 1,024 bytes first
// and change their mind when a later one turns up while they parse.
const maxHead = 1 << 20

var (
	byteOrderMarks = []struct{ mark, label string }{
		{"\xEF\xBB\xBF", "utf-8"},
		{"\xFE\xFF", "utf-16be"},
		{"\xFF\xFE", "utf-16le"},
	}
	charsetParameter = regexp.MustCompile(`(?i)charset\s*=\s*["']?\s*([^\s"';,]+)`)
	xmlDeclaration   = regexp.MustCompile(`^<\?xml\s[^>]*?encoding\s*=\s*["']\s*([^"'>]+?)\s*["']`)
)

// decoded is a page as text.
type decoded struct {
	text    string
	name    string            // of the encoding
	invalid int               // characters that could not be decoded; U+FFFD stands for each
	query   encoding.Encoding // of addresses in the page; nil: UTF-8
}

// decodeText decodes a page as a browser does: by its byte order mark, else the
// charset of Content-Type, else <meta> or the XML declaration, else as UTF-8 where
// that is valid, else as windows-1252. See https://html.spec.whatwg.org/#determining-the-character-encoding.
func decodeText(body []byte, contentType string) (decoded, error) {
	e, name := encodingOf(body, contentType)
	for _, bom := range byteOrderMarks {
		if bom.label == name {
			body = bytes.TrimPrefix(body, []byte(bom.mark))
		}
	}
	if name == "utf-8" {
		text := strings.ToValidUTF8(string(body), "\uFFFD")
		return decoded{text: text, name: name, invalid: invalidUTF8(body)}, nil
	}
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		return decoded{}, fmt.Errorf("cannot be decoded as %s: %w", name, err)
	}
	got := decoded{text: string(text), name: name, invalid: bytes.Count(text, []byte("\uFFFD"))}
	if name != "replacement" && !strings.HasPrefix(name, "utf-16") {
		got.query = e
	}
	return got, nil
}

func encodingOf(body []byte, contentType string) (encoding.Encoding, string) {
	for _, bom := range byteOrderMarks {
		if bytes.HasPrefix(body, []byte(bom.mark)) {
			return lookup(bom.label)
		}
	}
	if m := charsetParameter.FindStringSubmatch(contentType); m != nil {
		if e, name := lookup(m[1]); e != nil {
			return e, name
		}
	}
	if e, name := declared(body); e != nil {
		return e, name
	}
	if utf8.Valid(body) {
		return encoding.Nop, "utf-8"
	}
	return charmap.Windows1252, "windows-1252"
}

// lookup finds an encoding by any of its labels. UTF-16 is looked up without the
// handling of a byte order mark, which the caller removes.
func lookup(label string) (encoding.Encoding, string) {
	e, name := charset.Lookup(label)
	switch name {
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), name
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), name
	}
	return e, name
}

// declared is the encoding that the page itself names. A page that can be read to
// its <meta> is not UTF-16, so that label means UTF-8, and x-user-defined means
// windows-1252, as in browsers.
func declared(body []byte) (encoding.Encoding, string) {
	head := body[:min(len(body), maxHead)]
	label := metaCharset(head)
	if m := xmlDeclaration.FindSubmatch(head); label == "" && m != nil {
		label = string(m[1])
	}
	e, name := lookup(label)
	switch name {
	case "utf-16le", "utf-16be":
		return lookup("utf-8")
	case "x-user-defined":
		return charmap.Windows1252, "windows-1252"
	}
	return e, name
}

// metaCharset is the first known label in <meta charset> or <meta http-equiv>.
func metaCharset(head []byte) string {
	tokens := html.NewTokenizer(bytes.NewReader(head))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := tokens.TagName()
			if string(name) == "body" {
				return ""
			}
			if string(name) != "meta" || !more {
				continue
			}
			if label := labelOf(tokens); label != "" {
				return label
			}
		}
	}
}

func labelOf(meta *html.Tokenizer) (label string) {
	var content string
	var equiv bool
	for more := true; more; {
		var key, value []byte
		key, value, more = meta.TagAttr()
		switch string(key) {
		case "charset":
			label = string(value)
		case "http-equiv":
			equiv = strings.EqualFold(strings.TrimSpace(string(value)), "content-type")
		case "content":
			content = string(value)
		}
	}
	if m := charsetParameter.FindStringSubmatch(content); label == "" && equiv && m != nil {
		label = m[1]
	}
	if e, _ := charset.Lookup(label); e == nil {
		return ""
	}
	return label
}

func invalidUTF8(body []byte) (n int) {
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if r == utf8.RuneError && size == 1 {
			n++
		}
		body = body[size:]
	}
	return n
}
