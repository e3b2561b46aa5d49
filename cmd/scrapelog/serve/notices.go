package serve

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/react"
)

// notices turns events into notices and sends them.
func (t *tenure) notices(ctx context.Context) error {
	teller := &notify.Teller{Outbox: outbox.New(t.store), Channels: t.channels, URL: cmp.Or(t.config.PublicURL, "http://"+t.config.Listen)}
	begin := func(ctx context.Context) error { return teller.Begin(ctx, t.troubled) }
	if err := t.insist(ctx, away, begin); err != nil {
		return err
	}
	router, err := react.New(t.feed, t.logger, react.Group{Name: notify.Group, Types: notify.Types, Handle: teller.Handle})
	if err != nil {
		return err
	}
	sender := &notify.Sender{Outbox: teller.Outbox, Instance: t.id, Channels: t.channels, Wake: t.feed.WakeProgress, Logger: t.logger}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return router.Run(ctx) })
	group.Go(func() error { return sender.Run(ctx) })
	return group.Wait()
}

// troubled returns the scrapers whose last run failed.
func (s *service) troubled(ctx context.Context) (marks []outbox.Mark, err error) {
	scrapers, err := s.queries.Scrapers(ctx)
	for _, scraper := range scrapers {
		if scraper.LastRun.Status == domain.StatusFailed {
			marks = append(marks, outbox.Mark{Scraper: scraper.Name, Kind: outbox.KindFailing})
		}
	}
	return marks, err
}
