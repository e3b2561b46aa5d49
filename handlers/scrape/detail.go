package scrape

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxDetail is how much of a detail the log keeps, in bytes.
	maxDetail = 512
	// minSecret is the least length at which a word of a secret is blotted out:
	// shorter ones occur by chance.
	minSecret = 6
	blot      = "[redacted]"
)

// redactor blots out what was secret in a request: errors and scrapers repeat
// what they were sent.
type redactor struct{ words []string }

// newRedactor takes the secrets of a request: the URL's query and the values of
// the configured headers.
func newRedactor(req *http.Request, secretHeaders map[string]string) redactor {
	var r redactor
	if req.URL.RawQuery != "" {
		r.words = append(r.words, "?"+req.URL.RawQuery)
	}
	r.add(req.URL.RawQuery)
	for pair := range strings.SplitSeq(req.URL.RawQuery, "&") {
		_, value, _ := strings.Cut(pair, "=")
		r.add(value)
		if plain, err := url.QueryUnescape(value); err == nil {
			r.add(plain)
		}
	}
	for name := range secretHeaders {
		value := req.Header.Get(name)
		r.add(value)
		for _, word := range strings.Fields(value) {
			r.add(word)
		}
	}
	return r
}

func (r *redactor) add(word string) {
	if len(word) >= minSecret {
		r.words = append(r.words, word)
	}
}

// clean makes text fit for the log: no secret, no control or invisible
// character, at most maxDetail bytes.
func (r redactor) clean(text string) string {
	for _, word := range r.words {
		text = strings.ReplaceAll(text, word, blot)
	}
	return printable(text)
}

// printable escapes what does not print, as Go would in a string, and cuts at
// maxDetail.
func printable(text string) string {
	const more = "…"
	var b strings.Builder
	room := 0 // how much of it leaves room for more
	for i, char := range text {
		piece := text[i:min(len(text), i+utf8.RuneLen(char))]
		switch {
		case char == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			piece = `\x` + strconv.FormatUint(uint64(text[i]), 16)
		case !unicode.IsPrint(char):
			piece = strings.Trim(strconv.QuoteRune(char), "'")
		}
		if b.Len()+len(piece) > maxDetail {
			return b.String()[:room] + more
		}
		b.WriteString(piece)
		if b.Len() <= maxDetail-len(more) {
			room = b.Len()
		}
	}
	return b.String()
}
