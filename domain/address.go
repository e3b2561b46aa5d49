package domain

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const wantURL = "use an absolute URL such as http://127.0.0.1:9090/scrapes/shop"

// CheckURL returns a *FieldError where raw is not an absolute http or https URL
// without credentials and fragment, whose port, if it names one, is 1 to 65535.
// The error repeats neither credentials nor query.
func CheckURL(field, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return &FieldError{field, "is missing", wantURL}
	case err != nil:
		return &FieldError{field, "cannot be parsed", wantURL} // err would repeat the URL, query and all
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Hostname() == "":
		return &FieldError{field, fmt.Sprintf("%q is not an http or https URL", PublicURL(raw)), wantURL}
	case u.User != nil:
		return &FieldError{field, "holds credentials", "name an environment variable in headers_env instead"}
	case u.Port() != "" && !ValidPort(u.Port()):
		return &FieldError{field, fmt.Sprintf("port %s is out of range", u.Port()), "use 1 to 65535, or leave it out"}
	case u.Fragment != "":
		return &FieldError{field, "has a fragment (#), which is never sent", "leave it out"}
	}
	return nil
}

// PublicURL returns a URL without credentials, query and fragment, for output. In a
// text that is not a URL, such as "me:secret@host", the part before the @ is cut.
func PublicURL(raw string) string {
	shown := raw
	if u, err := url.Parse(raw); err == nil {
		u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
		shown = u.String()
	}
	if at := strings.LastIndex(shown, "@"); at >= 0 {
		return "…" + shown[at:]
	}
	return shown
}

// OriginOf returns the origin of a URL: its scheme, host and port in lower case, without
// a port that is the scheme's default (RFC 6454). It is empty for a text that is not an
// http or https URL.
func OriginOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		u.Host = strings.TrimSuffix(u.Host, ":80")
	case "https":
		u.Host = strings.TrimSuffix(u.Host, ":443")
	default:
		return ""
	}
	return u.Scheme + "://" + strings.TrimSuffix(u.Host, ":")
}

// ValidPort reports whether port is a number from 1 to 65535.
func ValidPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
