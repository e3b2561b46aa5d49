package worker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// counter serves /?p=1, /?p=2 … with one item each, and lets last say what follows.
func counter(page func(n int) string) routes {
	return routes{"/": func(w http.ResponseWriter, r *http.Request) {
		n := 1
		_, _ = fmt.Sscan(r.URL.Query().Get("p"), &n)
		body(page(n))(w, r)
	}}
}

func TestTheNoteSaysHowACrawlEnded(t *testing.T) {
	upTo := func(last int, after string) routes {
		return counter(func(n int) string {
			if n < last {
				return fmt.Sprintf(`<li>item %d</li><a class=next href="?p=%d">next</a>`, n, n+1)
			}
			return fmt.Sprintf(`<li>item %d</li>%s`, n, after)
		})
	}
	stuck := func(n, last int) string { // the shop shows its last page again and again
		return fmt.Sprintf(`<title>page %d</title><li>item %d</li><a class=next href="?p=%d">next</a>`, n, min(n, last), n+1)
	}
	tests := map[string]struct {
		site  routes
		items int64
		note  string
		tweak func(*HTML)
	}{
		"there is no next link":             {upTo(3, ""), 3, "3 pages; ended: no next link", nil},
		"one page":                          {upTo(1, ""), 1, "1 page; ended: no next link", nil},
		"next is not configured":            {upTo(3, ""), 1, "1 page", func(h *HTML) { h.Next = "" }},
		"next has no href":                  {upTo(2, `<p class=next><a href="?p=3">next</a></p>`), 2, "2 pages; ended: next matched an element without href", func(h *HTML) { h.Next = ".next" }},
		"next has an empty href":            {upTo(2, `<a class=next href="">`), 2, "2 pages; ended: next matched an element without href", nil},
		"next leads to another host":        {upTo(2, `<a class=next href="http://www.shop.example/?key=secret">`), 2, "2 pages; ended: next link leads to another origin http://www.shop.example", nil},
		"next leads to another port":        {upTo(2, `<a class=next href="http://127.0.0.1:1/">`), 2, "2 pages; ended: next link leads to another origin http://127.0.0.1:1", nil},
		"next leads to another scheme":      {upTo(1, `<a class=next href="https://127.0.0.1/">`), 1, "1 page; ended: next link leads to another origin https://127.0.0.1", nil},
		"<base> leads next to another host": {upTo(1, `<base href="http://www.shop.example/x/"><a class=next href="2">`), 1, "1 page; ended: next link leads to another origin http://www.shop.example", nil},
		"next is a script":                  {upTo(1, `<a class=next href="javascript:go(2)">`), 1, "1 page; ended: next link is not an http address: javascript:…", nil},
		"next is a mail":                    {upTo(1, `<a class=next href="mailto:a@b.example">`), 1, "1 page; ended: next link is not an http address: mailto:…", nil},
		"next leads back":                   {upTo(3, `<a class=next href="?p=2">`), 3, "3 pages; ended: next link leads to a page read before, {site}/", nil},
		"next leads to the page itself":     {upTo(1, `<a class=next href="#top">`), 1, "1 page; ended: next link leads to a page read before, {site}/", nil},
		"max_pages":                         {upTo(9, ""), 4, "4 pages; ended: max_pages 4 reached", func(h *HTML) { h.MaxPages = 4 }},
		"max_pages is just enough":          {upTo(4, ""), 4, "4 pages; ended: no next link", func(h *HTML) { h.MaxPages = 4 }},
		"a page repeats the last one":       {counter(func(n int) string { return stuck(n, 3) }), 3, "4 pages; ended: page 4 repeats page 3", nil},
		"the second page repeats the first": {counter(func(n int) string { return stuck(n, 1) }), 1, "2 pages; ended: page 2 repeats page 1", nil},
		"a page repeats the first one":      {counter(func(n int) string { return stuck((n-1)%3+1, 9) + fmt.Sprintf(`<a class=after href="?p=%d">`, n+1) }), 3, "4 pages; ended: page 4 repeats page 1", func(h *HTML) { h.Next = ".after" }},
		"equal texts, other links": {counter(func(n int) string {
			return fmt.Sprintf(`<li><a href=/i/%d>9 €</a></li>`, n) + map[bool]string{true: fmt.Sprintf(`<a class=next href="?p=%d">`, n+1)}[n < 3]
		}), 3, "3 pages; ended: no next link", nil},
		"pages without items are read": {counter(func(n int) string {
			return fmt.Sprintf(`<p>chapter %d</p>`, n) + map[bool]string{true: fmt.Sprintf(`<a class=next href="?p=%d">`, n+1), false: "<li>x"}[n < 3]
		}), 1, "3 pages; ended: no next link; first page has no items", nil},
		"an empty page":               {routes{"/": body("")}, 0, "1 page; ended: no next link; first page has no items", nil},
		"just a moment":               {routes{"/": body("<title>Just a moment...</title>")}, 0, "1 page; ended: no next link; first page has no items", nil},
		"a refresh":                   {routes{"/": body(`<meta http-equiv=refresh content="0;url=/x">`)}, 0, "1 page; ended: no next link; first page has no items", nil},
		"a script that closes itself": {routes{"/": body(`<html xmlns="http://www.w3.org/1999/xhtml"><head><script src="a"/></head><body><li>x</li></body></html>`)}, 0, "1 page; ended: no next link; first page has no items", nil},
		"robots.txt forbids the second page": {func() routes {
			r := upTo(1, `<a class=next href="/two?key=secret">`)
			r["/robots.txt"] = body("User-agent: *\nDisallow: /two")
			return r
		}(), 1, "1 page; ended: robots.txt forbids {site}/two", nil},
		"the first match is no good":             {upTo(1, `<a class=next href="javascript:x">prev</a><a class=next href="?p=1">1</a>`), 1, "2 pages; ended: page 2 repeats page 1", nil},
		"XHTML with a script that closes itself": {routes{"/": body(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a>b"/></head><body><div/><ul><li><br/>x</li></ul></body></html>`, "Content-Type", "application/xhtml+xml")}, 1, "1 page; ended: no next link", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var base string
			got := crawlSite(t, tt.site, func(h *HTML, site string) {
				base = site
				if tt.tweak != nil {
					tt.tweak(h)
				}
			})
			if got.items != tt.items || int64(len(got.records)) != tt.items || got.note != replaceSite(tt.note, base) {
				t.Errorf("%d items, note %q, error %q\nwant %d, %q", got.items, got.note, got.error, tt.items, tt.note)
			}
		})
	}
}

// The first of the links that next selects may lead back, as "Prev" does.
func TestTheFirstGoodNextLinkIsFollowed(t *testing.T) {
	got := crawlSite(t, counter(func(n int) string {
		links := map[int]string{1: `<a class=next href="?p=2">`, 2: `<a class=next href="?p=1"><a class=next href="/?p=3">`, 3: `<a class=next href="?p=2">`}
		return fmt.Sprintf("<li>item %d</li>%s", n, links[n])
	}), func(h *HTML, base string) { h.Platforms[0].Start = base + "/?p=1" })
	if got.items != 3 || !strings.HasPrefix(got.note, "3 pages; ended: next link leads to a page read before") {
		t.Errorf("%+v", got)
	}
}

func TestNextIsFollowedAsABrowserWould(t *testing.T) {
	for name, href := range map[string]string{
		"a query":                        "?p=2",
		"white space and line ends":      "\n\t ?p=\n2 ",
		"an entity":                      "?x=1&amp;p=2",
		"a blank in the query":           "?x=a b&p=2",
		"Cyrillic":                       "?x=я&p=2",
		"a stray percent sign":           "?x=50%&p=2",
		"an upper-case scheme":           "{SITE}/?p=2",
		"a fragment":                     "?p=2#top",
		"backslashes":                    "{site}\\?p=2",
		"without a scheme":               "//{host}/?p=2",
		"credentials, which are dropped": "http://user:pw@{host}/?p=2",
	} {
		t.Run(name, func(t *testing.T) {
			var auth string
			got := crawlSite(t, routes{"/": func(w http.ResponseWriter, r *http.Request) {
				if auth += r.Header.Get("Authorization"); r.URL.Query().Get("p") == "2" {
					body("<meta charset=utf-8><li>two")(w, r)
					return
				}
				site := "http://" + r.Host
				at := strings.NewReplacer("{site}", site, "{SITE}", strings.ToUpper(site), "{host}", r.Host).Replace(href)
				body(`<meta charset=utf-8><li>one</li><a class=next href="`+at+`">`)(w, r)
			}}, nil)
			if fmt.Sprint(got.texts()) != "[one two]" || auth != "" {
				t.Errorf("%+v, Authorization %q", got, auth)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	other := httptest.NewServer(routes{"/": body("<li>INTERNAL-SECRET")})
	defer other.Close()
	to := func(code int, where string) routes {
		return routes{"/": status(code, "Location", where), "/x/y": body("<li>lamp")}
	}
	wall := routes{"/": func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		body("<li>lamp")(w, r)
	}}
	tests := map[string]struct {
		site routes
		says string // a part of the error; empty: the page is read
	}{
		"300":               {to(300, "/x/y"), ""},
		"301":               {to(301, "/x/y"), ""},
		"302, relative":     {to(302, "x/y"), ""},
		"303":               {to(303, "/x/../x/y"), ""},
		"307":               {to(307, "/x/y#z"), ""},
		"308":               {to(308, " /x/y"), ""},
		"a wall of cookies": {wall, ""},
		"without Location":  {to(302, ""), "answered 302 Found"},
		"a loop":            {to(302, "/"), "more than 10 redirects"},
		"another port":      {to(302, other.URL+"/?key=secret"), "redirects to another origin; start at " + other.URL + "/ if that is right"},
		"another scheme":    {to(302, "https://127.0.0.1/"), "redirects to another origin"},
		"a file":            {to(302, "file:///etc/passwd"), "redirects to another origin"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := crawlSite(t, tt.site, nil)
			if tt.says == "" && fmt.Sprint(got.texts()) != "[lamp]" || !strings.Contains(got.error, tt.says) || strings.Contains(got.error, "secret") {
				t.Errorf("%+v, want %q", got, tt.says)
			}
		})
	}
}

// The platforms that need a look come first, for the log keeps 512 bytes.
func TestTheNoteOfManyPlatforms(t *testing.T) {
	var ends []ending
	for i := range 40 {
		ends = append(ends, ending{platform: fmt.Sprintf("shop-%d", i), pages: 2, why: "no next link"})
	}
	ends[39].why = "max_pages 2 reached"
	got := note(ends)
	if !strings.HasPrefix(got, "shop-39: 2 pages; ended: max_pages 2 reached. shop-0: 2 pages;") || len(got) > 512 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func TestTheItemsFileIsPrivate(t *testing.T) {
	var path string
	crawlSite(t, routes{"/": body("<li>lamp")}, func(h *HTML, _ string) { path = h.Output })
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", info.Mode().Perm())
	}
}
