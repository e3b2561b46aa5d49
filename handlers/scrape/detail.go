package scrape

import (
	"net/http"
	"net/url"
	"strings"

	"scrapelog/domain"
)

const (
	// minSecret is the length from which a word of a secret is replaced: shorter words
	// occur by chance.
	minSecret = 6
	redacted  = "[redacted]"
)

// redactor replaces the secrets of a request in texts: errors and scrapers may repeat
// the request.
type redactor struct{ words []string }

// newRedactor returns a redactor for the URL's query and the values of the configured
// headers.
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

// clean returns text without secrets, with control and invisible characters escaped,
// cut to [domain.MaxDetail] bytes.
func (r redactor) clean(text string) string {
	return domain.Printable(r.blot(text), domain.MaxDetail)
}

func (r redactor) blot(text string) string {
	for _, word := range r.words {
		text = strings.ReplaceAll(text, word, redacted)
	}
	return text
}
