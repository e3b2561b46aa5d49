package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"scrapelog/handlers/egress"
)

const (
	maxRedirects = 10
	retryPause   = time.Second
	xhtml        = "application/xhtml+xml"
)

// browser fetches pages one at a time and parses them.
type browser struct {
	web     *web
	robots  *robots
	extract *extractor
}

func newBrowser(extract *extractor, rules egress.Rules) *browser {
	w := newWeb(retryPause)
	w.reach.configured = rules
	return &browser{web: w, robots: &robots{web: w, known: map[string]string{}}, extract: extract}
}

// visit fetches a page, over redirects within its origin, each of which robots.txt
// must allow.
func (b *browser) visit(ctx context.Context, start string) (page, error) {
	at := start
	for range maxRedirects + 1 {
		if err := b.robots.allow(ctx, at); err != nil {
			return page{}, err
		}
		var to string
		var text decoded
		err := b.web.get(ctx, at, func(resp *http.Response) (err error) {
			if to = redirect(resp); to == "" {
				text, err = readPage(resp)
			}
			return err
		})
		switch {
		case err != nil:
			return page{}, err
		case to == "":
			return b.takeApart(ctx, at, text)
		case len(to) > maxURL:
			return page{}, fmt.Errorf("redirects to an address longer than %d bytes", maxURL)
		case originOf(to) != originOf(start):
			return page{}, fmt.Errorf("redirects to another origin; start at %s if that is right", shown(to))
		}
		at = to
	}
	return page{}, fmt.Errorf("more than %d redirects", maxRedirects)
}

// readPage refuses bodies that are not HTML: an empty list of items would look like
// success.
func readPage(resp *http.Response) (decoded, error) {
	if resp.StatusCode/100 != 2 {
		return decoded{}, &statusError{code: resp.StatusCode}
	}
	contentType := resp.Header.Get("Content-Type")
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType, _, _ = strings.Cut(mediaType, ",") // two headers that a proxy has joined
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	switch mediaType {
	case "text/html", xhtml, "":
	default:
		return decoded{}, fmt.Errorf("is %s, not HTML", mediaType)
	}
	body, err := readBody(resp, maxPage)
	switch {
	case errors.Is(err, errTooLong):
		return decoded{}, fmt.Errorf("is longer than %d MiB", maxPage>>20)
	case err != nil:
		return decoded{}, err
	}
	if err := packed(body); err != nil {
		return decoded{}, err
	}
	text, err := decodeText(body, contentType)
	if err != nil {
		return decoded{}, err
	}
	if mediaType == xhtml {
		text.text = closeTags(text.text)
	}
	return text, binary(text.text)
}

// takeApart extracts items and links within a time limit, because a selector can be slow.
func (b *browser) takeApart(ctx context.Context, at string, text decoded) (page, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, pageTimeout, fmt.Errorf("not parsed within %s", pageTimeout))
	defer cancel()
	return b.extract.page(bounded, at, text)
}
