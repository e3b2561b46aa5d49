package worker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// record is one line of the output file.
type record struct {
	RunID    string            `json:"run_id"`
	Platform string            `json:"platform"`
	Page     string            `json:"page"`
	At       time.Time         `json:"at"`
	Fields   map[string]string `json:"fields"`
}

// pageProgress is the progress event for a scraped page.
type pageProgress struct {
	Platform string `json:"platform"`
	Page     string `json:"page"`
	Pages    int64  `json:"pages"` // so far, of all platforms
	Items    int64  `json:"items"` // so far
}

// itemProgress is the progress event for an item.
type itemProgress struct {
	Platform string            `json:"platform"`
	Item     map[string]string `json:"item"`
}

// crawl is one run of an HTML scrape.
type crawl struct {
	*HTML
	order   Order
	out     *stream
	cancel  context.CancelFunc
	file    *os.File
	browser *browser
	pace    *time.Ticker
	seen    pageProgress
	endings []ending
}

func (h *HTML) run(ctx context.Context, order Order, out *stream) (int64, error) {
	platforms, err := h.chosen(order.Platforms)
	if err != nil {
		return 0, err
	}
	extract, err := newExtractor(h)
	if err != nil {
		return 0, err
	}
	file, err := os.OpenFile(h.Output, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &crawl{HTML: h, order: order, out: out, cancel: cancel, file: file, browser: newBrowser(extract, order.egress)}
	defer c.browser.web.close()
	c.pace = time.NewTicker(h.interval())
	defer c.pace.Stop()
	for _, p := range platforms {
		how, err := c.platform(ctx, p)
		if err != nil {
			return c.seen.Items, err
		}
		c.endings = append(c.endings, how)
	}
	out.note = note(c.endings)
	return c.seen.Items, file.Close()
}

func (h *HTML) interval() time.Duration {
	return time.Duration(float64(time.Second) / cmp.Or(h.Rate, DefaultRate))
}

func (h *HTML) maxPages() int { return cmp.Or(h.MaxPages, DefaultMaxPages) }

// chosen returns the platforms that the order names; all if it names none.
func (h *HTML) chosen(names []string) ([]Platform, error) {
	if len(names) == 0 {
		return h.Platforms, nil
	}
	var chosen []Platform
	for _, name := range names {
		i := slices.IndexFunc(h.Platforms, func(p Platform) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no platform %q; this scrape has %s", name, h.names())
		}
		chosen = append(chosen, h.Platforms[i])
	}
	return chosen, nil
}

func (h *HTML) names() string {
	var names []string
	for _, p := range h.Platforms {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// platform follows the pages of a platform. A start page that robots.txt forbids
// is an error, a later one the end.
func (c *crawl) platform(ctx context.Context, p Platform) (ending, error) {
	c.browser.web.begin()
	start, _ := link(p.Start, "")
	how := ending{platform: p.Name}
	asked := map[string]bool{}
	var begin, last page
	for next := start; next != ""; {
		asked[next] = true
		got, err := c.fetch(ctx, next)
		switch {
		case stopped(err) || ctx.Err() != nil:
			return how, err
		case errors.Is(err, errRobots) && next != start:
			how.why = "robots.txt forbids " + shown(next)
			return how, nil
		case err != nil:
			return how, fmt.Errorf("%s: %s: %w", p.Name, shown(next), err)
		}
		how.pages++
		if again := repeats(got, begin, last, how.pages); again > 0 {
			how.why = fmt.Sprintf("page %d repeats page %d", how.pages, again)
			return how, nil
		}
		if how.pages == 1 {
			begin = page{digest: got.digest, items: got.items}
			how.empty = len(got.items) == 0
		}
		how.undecoded(got.text)
		if err := c.keep(p, got); err != nil {
			return how, err
		}
		next, how.why = c.follow(start, got, asked)
		if next != "" && how.pages == c.maxPages() {
			next, how.why = "", fmt.Sprintf("max_pages %d reached", how.pages)
		}
		last = page{digest: got.digest, items: got.items}
	}
	return how, nil
}

// repeats returns the number of the page that got is a copy of: the one before it,
// or the first. Sites show these when they are asked for a page past their last.
func repeats(got, begin, last page, pages int) int {
	switch {
	case pages > 1 && got.digest == last.digest:
		return pages - 1
	case pages > 2 && got.digest == begin.digest && len(got.items) > 0:
		return 1
	}
	return 0
}

// follow returns the page after got: the first that next selects, on the origin of
// start, that was not asked for yet. Without one it says why the crawl ends.
func (c *crawl) follow(start string, got page, asked map[string]bool) (next, why string) {
	if c.Next == "" {
		return "", ""
	}
	why = "no next link"
	for i, href := range got.next {
		to, ok := link(got.url, href)
		var not string
		switch {
		case href == "":
			not = "next matched an element without href"
		case len(to) > maxURL:
			not = fmt.Sprintf("next link is longer than %d bytes", maxURL)
		case !ok:
			not = "next link is not an http address: " + shown(href)
		case originOf(to) != originOf(start):
			not = "next link leads to another origin " + originOf(to)
		case asked[to]:
			not = "next link leads to a page read before, " + shown(to)
		default:
			return to, ""
		}
		if i == 0 {
			why = not
		}
	}
	return "", why
}

// fetch waits for its turn and then for the page, and beats meanwhile.
func (c *crawl) fetch(ctx context.Context, url string) (page, error) {
	if c.seen.Pages > 0 {
		if err := beatUntil(ctx, c.out, c.pace.C); err != nil {
			return page{}, err
		}
	}
	var got page
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = c.browser.visit(ctx, url)
	}()
	if err := beatUntil(ctx, c.out, done); err != nil {
		c.cancel()
		<-done
		return page{}, err
	}
	return got, err
}

// keep writes the page's items to the output, in one piece, and reports them.
func (c *crawl) keep(p Platform, got page) error {
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	now := time.Now().UTC()
	for _, fields := range got.items {
		if err := enc.Encode(record{c.order.RunID, p.Name, got.url, now, fields}); err != nil {
			return err
		}
	}
	if _, err := c.file.Write(lines.Bytes()); err != nil {
		return err
	}
	for _, fields := range got.items {
		c.seen.Items++
		if err := c.out.progress(itemProgress{p.Name, short(fields)}); err != nil {
			return err
		}
	}
	c.seen.Platform, c.seen.Page, c.seen.Pages = p.Name, fit(got.url, maxLine), c.seen.Pages+1
	return c.out.progress(c.seen)
}

// short keeps an item within the size of an event.
func short(fields map[string]string) map[string]string {
	cut := make(map[string]string, len(fields))
	for name, value := range fields {
		cut[name] = fit(value, maxLine/len(fields))
	}
	return cut
}
