package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// pageTimeout bounds a page, robots.txt included. It is what keeps a scrape that
// waits for a dead site from beating for ever.
const pageTimeout = 30 * time.Second

// record is one line of the output file.
type record struct {
	RunID    string            `json:"run_id"`
	Platform string            `json:"platform"`
	Page     string            `json:"page"`
	At       time.Time         `json:"at"`
	Fields   map[string]string `json:"fields"`
}

// pageProgress says that a page was scraped.
type pageProgress struct {
	Platform string `json:"platform"`
	Page     string `json:"page"`
	Pages    int64  `json:"pages"` // so far, of all platforms
	Items    int64  `json:"items"` // so far
}

// itemProgress says what was found.
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
}

func (h *HTML) run(ctx context.Context, order Order, out *stream) (int64, error) {
	platforms, err := h.chosen(order.Platforms)
	if err != nil {
		return 0, err
	}
	file, err := os.OpenFile(h.Output, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &crawl{HTML: h, order: order, out: out, cancel: cancel, file: file, browser: newBrowser(ctx, h)}
	c.pace = time.NewTicker(h.interval())
	defer c.pace.Stop()
	for _, p := range platforms {
		if err := c.platform(ctx, p); err != nil {
			return c.seen.Items, err
		}
	}
	return c.seen.Items, file.Close()
}

func (h *HTML) interval() time.Duration {
	rate := h.Rate
	if rate == 0 {
		rate = DefaultRate
	}
	return time.Duration(float64(time.Second) / rate)
}

// chosen are the platforms that were asked for; none named means all.
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
func (c *crawl) platform(ctx context.Context, p Platform) error {
	seen := map[string]bool{}
	for next := p.Start; next != "" && !seen[next]; {
		seen[next] = true
		page, err := c.fetch(ctx, next)
		switch {
		case stopped(err) || ctx.Err() != nil:
			return err
		case errors.Is(err, errRobots) && next != p.Start:
			return nil
		case err != nil:
			return fmt.Errorf("%s: %s: %w", p.Name, withoutQuery(next), err)
		}
		if err := c.keep(p, page); err != nil {
			return err
		}
		next = page.next
	}
	return nil
}

// withoutQuery keeps keys out of texts that the log keeps.
func withoutQuery(url string) string {
	before, _, _ := strings.Cut(url, "?")
	return before
}

// fetch waits for its turn and then for the page, and beats meanwhile.
func (c *crawl) fetch(ctx context.Context, url string) (page, error) {
	if c.seen.Pages > 0 {
		if err := c.turn(ctx); err != nil {
			return page{}, err
		}
	}
	var got page
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = c.browser.visit(url)
	}()
	if err := c.out.await(ctx, done); err != nil {
		c.cancel()
		<-done
		return page{}, err
	}
	return got, err
}

func (c *crawl) turn(ctx context.Context) error {
	for {
		select {
		case <-c.pace.C:
			return nil
		case <-c.out.beats.C:
			if err := c.out.beat(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
