package contract

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/google/uuid"

	"scrapelog/handlers/dial"
	"scrapelog/handlers/sign"
)

// staleAge is the age of a signature that is too old.
const staleAge = sign.Tolerance + time.Minute

// forgery is an order that a scraper which verifies signatures refuses.
type forgery struct {
	rule   Rule
	what   string
	fix    string
	run    uuid.UUID
	change func(h http.Header, body []byte) error // of the headers, after the order was signed
}

// signatures sends forgeries. last is an exchange that the scraper has accepted.
func (c *check) signatures(ctx context.Context, last *exchange) error {
	for _, f := range []forgery{
		{RuleUnsigned, "an order without a signature", fixUnsigned, uuid.Must(uuid.NewV7()), func(h http.Header, _ []byte) error {
			h.Del("webhook-signature")
			return nil
		}},
		{RuleStale, "an order that was signed six minutes ago", fixStale, uuid.Must(uuid.NewV7()), func(h http.Header, body []byte) error {
			return sign.Headers(h, c.target.SignEnv, h.Get("webhook-id"), time.Now().Add(-staleAge), body)
		}},
		{RuleReplayed, "the order of the last scrape, sent again,", fixReplayed, last.run, func(h http.Header, _ []byte) error {
			maps.Copy(h, last.sent.Header)
			return nil
		}},
	} {
		if err := c.forge(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) forge(ctx context.Context, f forgery) error {
	order := dial.Order{RunID: f.run, Scraper: c.target.Scraper, Platforms: c.target.Platforms, Params: c.target.Params}
	request, err := order.Request(ctx, c.target.config())
	if err != nil {
		return err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	if err := f.change(request.Header, body); err != nil {
		return err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	x, err := c.target.exchange(ctx, f.run, request, false)
	if err != nil {
		return err
	}
	defer x.leave()
	switch seen := f.what + " is answered " + x.resp.Status; x.resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		c.report.ok(f.rule, seen)
	case http.StatusConflict:
		c.report.unseen(f.rule, seen+": a scrape runs that should not")
	default:
		c.report.finding(f.rule, seen, f.fix)
	}
	return nil
}
