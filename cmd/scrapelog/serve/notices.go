package serve

import (
	"context"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/apply"
	"scrapelog/handlers/heartbeat"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/react"
)

// notices returns what notes from where on the channels are told, which comes before
// anything happens that they are to be told of; what turns events into notices and sends
// them, as this instance; and what replaces the channels.
func (s *service) notices(instance string) (begin, run func(ctx context.Context) error, prepare prepareNotices) {
	teller := &notify.Teller{
		Outbox: outbox.New(s.store), Channels: s.channels, Outages: s.queries, URL: s.config.BaseURL(),
		Wake: s.feed.WakeProgress, Logger: s.logger,
	}
	sender := &notify.Sender{Outbox: teller.Outbox, Instance: instance, Channels: s.channels, Wake: s.feed.WakeProgress, Logger: s.logger}
	heart := &heartbeat.Heart{Config: s.config.Heartbeat, Ready: s.check.Reasons, Client: s.channels.Client, Logger: s.logger}
	begin = func(ctx context.Context) error { return teller.Begin(ctx, s.troubled) }
	run = func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error {
			return react.Run(ctx, s.feed, s.logger, react.Group{Name: notify.Group, Types: notify.Types, Handle: teller.Handle})
		})
		group.Go(func() error { return teller.FollowOutages(ctx) })
		group.Go(func() error { return teller.FollowLog(ctx, instance, s.check.Troubles) })
		group.Go(func() error { return sender.Run(ctx) })
		group.Go(func() error { return heart.Run(ctx) })
		return group.Wait()
	}
	return begin, run, teller.Prepare
}

type prepareNotices func(ctx context.Context, c notify.Config) (commit func(), err error)

// with returns how the file is applied again: its scrapers, and its channels of notices.
func (r Reload) with(prepare prepareNotices) apply.Reload {
	return apply.Reload{When: r.When, Load: func() (apply.Content, error) {
		cfg, err := r.Load()
		if err != nil {
			return apply.Content{}, err
		}
		content, err := cfg.Content()
		content.Prepare = func(ctx context.Context) (func(), error) { return prepare(ctx, cfg.Notify) }
		return content, err
	}}
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
