package worker

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	whatwg "github.com/nlnwa/whatwg-url/url"
	"golang.org/x/text/encoding"

	"scrapelog/domain"
)

// urls resolves references as browsers do: blanks, line ends, backslashes and stray
// percent signs included.
var urls = whatwg.NewParser(whatwg.WithPercentEncodeSinglePercentSign())

// maxURL bounds what a page may have fetched; servers and browsers take no more.
const maxURL = 8 << 10

// base is what the addresses of a page are relative to.
type base struct {
	url string
	enc encoding.Encoding // of their queries; nil: UTF-8
}

// resolve makes ref absolute, as far as it can be parsed.
func (b base) resolve(ref string) string {
	u, err := urls.ParseRef(b.url, b.encodeQuery(ref))
	if err != nil {
		return ref
	}
	return u.Href(false)
}

// encodeQuery writes the query of ref in the encoding of the page, as browsers do: a
// server that sends pages in windows-1251 reads queries in it. A character that the
// encoding lacks becomes a reference, &#8364; for example.
func (b base) encodeQuery(ref string) string {
	start := strings.IndexAny(ref, "?#")
	if b.enc == nil || start < 0 || ref[start] == '#' {
		return ref
	}
	query, fragment, hasFragment := strings.Cut(ref[start:], "#")
	var out strings.Builder
	for _, r := range query {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
			continue
		}
		bytes, err := b.enc.NewEncoder().Bytes([]byte(string(r)))
		if err != nil || bytes[0] == '&' { // the encoders of x/net/html/charset write the reference themselves
			fmt.Fprintf(&out, "%%26%%23%d%%3B", r)
			continue
		}
		for _, c := range bytes {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	if hasFragment {
		out.WriteString("#" + fragment)
	}
	return ref[:start] + out.String()
}

// link is ref as an address to fetch, without its fragment and credentials. It is
// false when ref is not an http or https URL.
func link(base, ref string) (string, bool) {
	u, err := urls.ParseRef(base, ref)
	if err != nil || u.Scheme() != "http" && u.Scheme() != "https" {
		return ref, false
	}
	u.SetUsername("")
	u.SetPassword("")
	return u.Href(true), true
}

// originOf is the scheme, host and port of an absolute URL that resolve or link
// made, which leaves out a scheme's own port.
func originOf(absolute string) string {
	u, err := url.Parse(absolute)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// shown is an absolute URL for texts that the log keeps. Of javascript: and the like
// only the scheme is told.
func shown(absolute string) string {
	if u, err := url.Parse(absolute); err == nil && u.Opaque != "" {
		return u.Scheme + ":…"
	}
	return domain.PublicURL(absolute)
}
