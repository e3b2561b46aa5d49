package worker

import (
	"net/url"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// urls resolves references as browsers do: blanks, line ends, backslashes and stray
// percent signs included.
var urls = whatwg.NewParser(whatwg.WithPercentEncodeSinglePercentSign())

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

// shown is a URL without the parts that may hold secrets, for texts that the log
// keeps.
func shown(absolute string) string {
	u, err := url.Parse(absolute)
	if err != nil {
		return "a URL that cannot be parsed"
	}
	if u.Opaque != "" {
		return u.Scheme + ":…"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
