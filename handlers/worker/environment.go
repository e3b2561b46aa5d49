package worker

import (
	"os"
	"slices"
	"strings"
)

// inherited lists the variables of the worker that a command gets, besides LC_*. The
// others may hold secrets, such as a database's password.
var inherited = []string{
	"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
	"AWS_CA_BUNDLE", "DENO_CERT", "GIT_SSL_CAINFO", "HTTPLIB2_CA_CERTS", "PERL_LWP_SSL_CA_FILE", "PIP_CERT",
}

// proxies are inherited in either case: programs differ in which they read.
var proxies = []string{"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"}

// environment returns a command's environment: the inherited variables, those of the
// worker that more names, and those about the run, which take precedence.
func environment(order Order, more []string) (env []string) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(inherited, name) || strings.HasPrefix(name, "LC_") || slices.Contains(more, name) ||
			slices.Contains(proxies, name) || name == strings.ToLower(name) && slices.Contains(proxies, strings.ToUpper(name)) {
			env = append(env, variable)
		}
	}
	return append(env,
		"SCRAPELOG_RUN_ID="+order.RunID,
		"SCRAPELOG_SCRAPER="+order.Scraper,
		"SCRAPELOG_PARAMS="+string(order.Params),
		"SCRAPELOG_PLATFORMS="+strings.Join(order.Platforms, ","),
	)
}
