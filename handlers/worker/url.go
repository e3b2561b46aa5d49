package worker

import (
	"net/url"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"scrapelog/domain"
)

// urls resolves references as browsers do: blanks, line ends, backslashes and stray
// percent signs included.
var urls = whatwg.NewParser(whatwg.WithPercentEncodeSinglePercentSign())

// maxURL bounds what a page may have fetched; servers and browsers take no more.
const maxURL = 8 << 10

// resolve makes ref absolute.
func resolve(base, ref string) (string, bool) {
	u, err := urls.ParseRef(base, ref)
	if err != nil {
		return ref, false
	}
	return u.Href(false), true
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
