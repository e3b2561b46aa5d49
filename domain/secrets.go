package domain

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Secrets names the environment variables that a scraper made through the API may
// send as headers or sign with, and for each the hosts that may get it: a name or an
// address, for any port, or with a port for that one. A scraper of the configuration
// file may name any variable.
type Secrets map[string][]string

// Check returns a *FieldError if the scraper names a variable that may not be used
// for the host of its URL. It does not repeat the variable, since the value may be the
// secret itself, put in the wrong place.
func (s Secrets) Check(c ScraperConfig) error {
	if len(c.HeadersEnv) == 0 && c.SignEnv == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return &FieldError{"url", "cannot be parsed", wantURL}
	}
	const want = "list the variable with that host under secrets in the service's configuration file, or manage the scraper there"
	allowed := func(variable string) bool {
		return slices.ContainsFunc(s[variable], func(host string) bool { return namesHost(host, u) })
	}
	for _, header := range slices.Sorted(maps.Keys(c.HeadersEnv)) {
		if !allowed(c.HeadersEnv[header]) {
			return &FieldError{"headers_env", fmt.Sprintf("the variable for %s may not be sent to %s by a scraper made through the API", header, u.Host), want}
		}
	}
	if c.SignEnv != "" && !allowed(c.SignEnv) {
		return &FieldError{"sign_env", fmt.Sprintf("a scraper made through the API may not sign requests to %s with this variable", u.Host), want}
	}
	return nil
}

// Validate returns a *FieldError for an invalid name of a variable, which it does not
// repeat, and for an invalid host.
func (s Secrets) Validate() error {
	for _, variable := range slices.Sorted(maps.Keys(s)) {
		if err := CheckEnvName("secrets", variable); err != nil {
			return err
		}
		for _, host := range s[variable] {
			if u, err := url.Parse("//" + bracketed(host)); err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || strings.ContainsAny(host, "*# ") {
				return &FieldError{"secrets." + variable, fmt.Sprintf("%q is not a host", host), "use names such as shop.example or shop.example:8443, without scheme and path"}
			}
		}
	}
	return nil
}

// namesHost reports whether an entry of Secrets is the host of u.
func namesHost(entry string, u *url.URL) bool {
	named, err := url.Parse("//" + bracketed(entry))
	if err != nil || !strings.EqualFold(strings.TrimSuffix(named.Hostname(), "."), strings.TrimSuffix(u.Hostname(), ".")) {
		return false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return named.Port() == "" || named.Port() == port
}

// bracketed puts a bare address of IPv6 in the brackets that a URL wants.
func bracketed(host string) string {
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}
