package worker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jimsmart/grobotstxt"
)

func TestRobotsTxtIsObeyedByRFC9309(t *testing.T) {
	moved := func(to string) http.HandlerFunc { return status(http.StatusMovedPermanently, "Location", to) }
	hops := func(n int) routes {
		r := routes{"/robots.txt": moved("/1"), fmt.Sprintf("/%d", n): body("User-agent: *\nDisallow: /", "Content-Type", "text/plain")}
		for i := 1; i < n; i++ {
			r[fmt.Sprintf("/%d", i)] = moved(fmt.Sprintf("/%d", i+1))
		}
		return r
	}
	text := func(rules string, headers ...string) routes {
		return routes{"/robots.txt": body(rules, append([]string{"Content-Type", "text/plain"}, headers...)...)}
	}
	const forbidden = ": robots.txt forbids it"
	tests := map[string]struct {
		site routes
		says string // a part of the error; empty: the page is fetched
	}{
		"not there":                             {routes{}, ""},
		"401":                                   {routes{"/robots.txt": status(401)}, ""},
		"403":                                   {routes{"/robots.txt": status(403)}, ""},
		"410":                                   {routes{"/robots.txt": status(410)}, ""},
		"429":                                   {routes{"/robots.txt": status(429)}, ""},
		"500 forbids everything":                {routes{"/robots.txt": status(500)}, "robots.txt: answered 500 Internal Server Error; RFC 9309 forbids"},
		"503 forbids everything":                {routes{"/robots.txt": status(503)}, "robots.txt: answered 503 Service Unavailable; RFC 9309 forbids"},
		"a broken connection":                   {routes{"/robots.txt": hangUp}, "robots.txt: "},
		"a redirect is followed":                {hops(1), forbidden},
		"five redirects are followed":           {hops(5), forbidden},
		"six redirects mean that there is none": {hops(6), ""},
		"a loop of redirects":                   {routes{"/robots.txt": moved("/robots.txt")}, ""},
		"a redirect that leads nowhere":         {routes{"/robots.txt": status(302)}, ""},
		"a redirect to 404":                     {routes{"/robots.txt": moved("/none")}, ""},
		"a redirect to 503":                     {routes{"/robots.txt": moved("/x"), "/x": status(503)}, "robots.txt: answered 503"},
		"gzip":                                  {text(coded(t, "gzip", "User-agent: *\nDisallow: /"), "Content-Encoding", "gzip"), forbidden},
		"gzip that is none":                     {text("User-agent: *\nDisallow: /", "Content-Encoding", "gzip"), "robots.txt: Content-Encoding gzip: "},
		"a byte order mark":                     {text("\xEF\xBB\xBFUser-agent: *\nDisallow: /"), forbidden},
		"lines that end with CR":                {text("User-agent: *\rDisallow: /\r"), forbidden},
		"blank lines within a group":            {text("User-agent: *\n\n\nDisallow: /\n"), forbidden},
		"lines that are no rules":               {text("<html>\nwhat: is\nthis\nUser-agent: *\n:::\nDisallow: /\n"), forbidden},
		"a page of HTML":                        {text("<!doctype html><p>Disallow / nothing", "X", "y"), ""},
		"an empty Disallow":                     {text("User-agent: *\nDisallow:\n"), ""},
		"the longest match wins":                {text("User-agent: *\nDisallow: /\nAllow: /$\n"), ""},
		"a wildcard and an end":                 {text("User-agent: *\nDisallow: /*$\n"), forbidden},
		"a comment in Latin-1":                  {text("# caf\xe9\nUser-agent: * # \xe9\nDisallow: / # \xe9\n"), forbidden},
		"60,000 rules":                          {text("User-agent: *\n" + strings.Repeat("Disallow: /x\n", 35_000) + "Disallow: /\n"), forbidden},
		"a group for another":                   {text("User-agent: other\nDisallow: /\n"), ""},
		"a group for us":                        {text("User-agent: scrapelog\nDisallow: /\n"), forbidden},
		"our group goes before *":               {text("User-agent: *\nDisallow: /\n\nUser-agent: scrapelog\nAllow: /\n"), ""},
		"our name in another case":              {text("user-AGENT: ScrapeLog\nDISALLOW: /\n"), forbidden},
		"our name with a version":               {text("User-agent: ScrapeLog/1.0 (+https://a.example/bot)\nDisallow: /\n"), forbidden},
		"a longer name than ours":               {text("User-agent: scrapelogger\nDisallow: /\n"), ""},
		"two groups for us are one":             {text("User-agent: scrapelog\nAllow: /x\n\nUser-agent: SCRAPELOG\nDisallow: /\n"), forbidden},
		"an unknown line between agents":        {text("User-agent: scrapelog\nCrawl-delay: 9\nUser-agent: other\nDisallow: /\n"), forbidden},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.site["/"] = body("<li>lamp")
			got := crawlSite(t, tt.site, nil)
			if tt.says == "" && got.items != 1 || !strings.Contains(got.error, tt.says) {
				t.Errorf("%+v, want %q", got, tt.says)
			}
			if tt.says != "" && !strings.Contains(got.error, "robots.txt") {
				t.Errorf("the error does not name robots.txt: %s", got.error)
			}
		})
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// RFC 9309 lets robots.txt be redirected to another host; its rules are then those of
// the host that was asked.
func TestRobotsTxtOfAnotherHost(t *testing.T) {
	other := httptest.NewServer(routes{"/r.txt": body("User-agent: *\nDisallow: /\n", "Content-Type", "text/plain")})
	defer other.Close()
	got := crawlSite(t, routes{"/": body("<li>lamp"), "/robots.txt": status(302, "Location", other.URL+"/r.txt")}, nil)
	if !strings.Contains(got.error, "robots.txt forbids it") {
		t.Errorf("%+v", got)
	}
}

// robots.txt is asked for once in a run, and before the first page.
func TestRobotsTxtIsAskedForOnce(t *testing.T) {
	s := newSite(t, map[string]string{"/": `<a rel=next href=/2>`, "/2": lastPage})
	resp, _ := post(t, serveHTML(t, shopScrape(t, s.URL+"/")), Order{RunID: "r1"})
	outcome(t, resp)
	if got := fmt.Sprint(s.asked); got != "[/robots.txt / /2]" {
		t.Errorf("asked for %s", got)
	}
}

// The matcher answers for every text that a site serves as robots.txt.
func FuzzRobotsTxt(f *testing.F) {
	f.Add("User-agent: *\nDisallow: /*a$\n", "/a?b")
	f.Add("\xef\xbb\xbfuser-agent scrapelog\rdisallow /%zz\x00", "")
	f.Fuzz(func(t *testing.T, rules, path string) {
		grobotstxt.AgentAllowed(rules, userAgent, "http://a.example/"+path)
	})
}
