package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gocolly/colly/v2"
)

const (
	userAgent    = "scrapelog"
	maxPage      = 32 << 20 // bytes
	maxRedirects = 10
)

var errRobots = errors.New("robots.txt forbids it")

// page is what was found on one.
type page struct {
	url   string
	items []map[string]string
	next  string // where the following page is; empty: there is none
}

// browser fetches pages one at a time and takes them apart.
type browser struct {
	colly  *colly.Collector
	fields map[string]field
	got    page   // of the visit under way
	moved  string // where its answer redirects to
	failed error  // what colly does not return
}

// newBrowser makes one that gives up when ctx ends. Every redirect comes back to
// visit, because colly does not ask robots.txt about them.
func newBrowser(ctx context.Context, h *HTML) *browser {
	c := colly.NewCollector(colly.StdlibContext(ctx))
	c.UserAgent = userAgent
	c.IgnoreRobotsTxt = false // colly ignores it by default, and its COLLY_ variables could
	c.AllowURLRevisit = true  // colly would count the target of a redirect as visited
	c.MaxBodySize = maxPage + 1
	c.SetRequestTimeout(pageTimeout)
	c.WithTransport(transport{ctx, http.DefaultTransport})
	c.SetRedirectHandler(func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse })
	b := &browser{colly: c, fields: map[string]field{}}
	for name, spec := range h.Fields {
		b.fields[name] = parseField(spec)
	}
	c.OnResponse(b.check)
	c.OnError(b.redirected)
	c.OnHTML(h.Item, b.item)
	if h.Next != "" {
		c.OnHTML(h.Next, b.next)
	}
	return b
}

// visit fetches a page, over redirects on the same host.
func (b *browser) visit(start string) (page, error) {
	for at, hops := start, 0; ; hops++ {
		b.got, b.moved, b.failed = page{url: at}, "", nil
		err := b.colly.Visit(at)
		switch {
		case b.moved != "" && hops == maxRedirects:
			return page{}, fmt.Errorf("more than %d redirects", maxRedirects)
		case b.moved != "" && !sameHost(at, b.moved):
			return page{}, fmt.Errorf("it redirects to another host; start at %s if that is right", b.moved)
		case b.moved != "":
			at = b.moved
		case err != nil:
			return page{}, plain(err)
		default:
			return b.got, b.failed
		}
	}
}

// plain puts colly's errors into our words, and leaves out the URL that net/http
// repeats.
func plain(err error) error {
	var wrapped *url.Error
	switch {
	case errors.Is(err, colly.ErrRobotsTxtBlocked):
		return errRobots
	case errors.As(err, &wrapped):
		return wrapped.Err
	}
	return err
}

// check refuses what colly would pass over in silence: a page cut at the size
// limit, and one that is no HTML.
func (b *browser) check(r *colly.Response) {
	mediaType, _, _ := strings.Cut(r.Headers.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "text/html", "application/xhtml+xml", "":
	default:
		b.failed = fmt.Errorf("it is %s, not HTML", mediaType)
	}
	if len(r.Body) > maxPage {
		b.failed = fmt.Errorf("it is longer than %d MiB", maxPage>>20)
	}
}

func (b *browser) redirected(r *colly.Response, _ error) {
	if r.StatusCode/100 != 3 || r.Headers == nil {
		return
	}
	if to := r.Headers.Get("Location"); to != "" {
		b.moved = r.Request.AbsoluteURL(to)
	}
}

func (b *browser) item(e *colly.HTMLElement) {
	fields := map[string]string{}
	for name, f := range b.fields {
		if value, found := f.of(e); found {
			fields[name] = value
		}
	}
	b.got.items = append(b.got.items, fields)
}

// next takes the first link. One that leaves the host is no next page.
func (b *browser) next(e *colly.HTMLElement) {
	to := e.Request.AbsoluteURL(e.Attr("href"))
	if b.got.next == "" && to != "" && sameHost(b.got.url, to) {
		b.got.next = to
	}
}

func sameHost(a, b string) bool {
	from, errA := url.Parse(a)
	to, errB := url.Parse(b)
	return errA == nil && errB == nil && from.Hostname() == to.Hostname()
}
