package serve

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/access"
	"scrapelog/handlers/api"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/live"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/ready"
	"scrapelog/handlers/veil"
	"scrapelog/handlers/web"
	"scrapelog/projections"
)

// serveHTTP answers pages and API until ctx ends.
func (s *service) serveHTTP(ctx context.Context, group *errgroup.Group, front *ready.Front) error {
	named := s.queries.Named(s.access.NameOf)
	changes := s.hub(live.Config{Source: s.queries, Render: api.Render})
	database := &ready.Database{CannotWrite: s.store.CannotWrite}
	standing := web.Standing{Sealing: s.sealer.State, Serving: instances.New(s.store).Holdings, Away: database.Away, Refused: s.file.Refused}
	fragments := web.Hubs{}
	for _, role := range domain.UserRoles {
		masked := access.Principal{Role: role}.Masked()
		views := named.Veiled(func(context.Context) bool { return masked })
		fragments[role] = s.hub(live.Config{
			Source: projections.Outline{Queries: views}, Render: web.RenderFor(role), Standing: standing.Message, Alarm: standing.Alarm,
		})
	}
	events, views := veil.Events{Feed: s.feed, Masked: access.Masked}, named.Veiled(access.Masked)
	limits := s.config.Limits.InForce()
	streams := &gate.Streams{
		Total: limits.Streams, PerClient: limits.StreamsPerClient,
		Principal: func(ctx context.Context) string { return access.From(ctx).Actor("") },
	}
	s.check = s.checker(func() []string { return gate.Shortages(front.Listener, streams) })
	audit := web.NewAudit(s.store, s.sealer, s.verifier.Verify, s.flaws.Found)
	audit.Witnesses = s.witnesses.States
	audit.Prove = events.Prove(audit.Prove, problem.New(problem.Role, "needs operate: the proof holds the event whole, params and header names too"))
	programs := api.New(api.Config{
		Log: events, Views: views, Handle: s.commands.Handle, Watch: changes.Subscribe, Streams: streams, MaxScrapers: limits.APIScrapers,
		Announce: func(scrapers []string) { s.current.Load().Announce(scrapers) },
		Ready: func(ctx context.Context) api.Readiness {
			return api.Readiness{Reasons: s.check.Reasons(ctx), Warnings: s.check.Warnings(ctx)}
		},
		Notices: notify.Desk{Outbox: outbox.New(s.store), Channels: s.channels, URL: s.config.BaseURL()},
		Access:  s.access, Metrics: s.metrics, Logger: s.logger,
	})
	people := web.New(web.Config{
		Queries: views, Events: events, Live: fragments, Groups: s.feed.GroupStates, Relays: s.feed.Relays, Instances: standing.Serving, Away: standing.Away, Refused: standing.Refused, File: s.config.File,
		Handle: s.commands.Handle, WaitFor: s.feed.WaitFor, Streams: streams, OpenTo: s.config.OpenTo(),
		Heard:    func(run uuid.UUID) (time.Time, bool) { return s.current.Load().Heard(run) },
		Waiting:  func(scraper string) (string, bool) { return s.current.Load().Waiting(scraper) },
		ProbeNow: func(scraper string) { s.current.Load().ProbeNow(scraper) },
		Notices:  outbox.New(s.store), Database: eventstore.Redact(s.config.Database), Access: accounts{s.access, s.access.Credentials}, YAML: config.EncodeScraper,
		Audit: audit, Findings: s.store, Logger: s.logger,
		Rebuild: func(ctx context.Context, name string, progress func(done, head int64)) error {
			return projections.Rebuild(ctx, s.store, []string{name}, progress)
		},
	})
	e := api.NewEcho(api.EchoConfig{Hosts: s.config.Names(), Pages: people.Error, Guard: s.access.Guard, Logger: s.logger})
	s.streams = func() map[string]int {
		return map[string]int{"events": programs.Tails(), "watch": changes.Readers(), "page": fragments.Readers(), "scraper": s.current.Load().Streams()}
	}
	programs.Register(e)
	people.Register(e)
	if err := access.Check(e); err != nil {
		return err
	}
	front.RegisterOnShutdown(programs.Close)
	for _, run := range []func(context.Context) error{changes.Run, fragments.Run, people.Run, database.Run, s.access.Run, func(ctx context.Context) error { return front.Run(ctx, e) }} {
		group.Go(func() error { return run(ctx) })
	}
	return nil
}

// hub returns a hub of live updates, which reports the watchers that come back.
func (s *service) hub(c live.Config) *live.Hub {
	c.Wake, c.Watchers, c.Logger = s.feed.WakeProgress, &s.watchers, s.logger
	c.Arrived = func(watcher string) { s.current.Load().WatcherBack(watcher) }
	return live.New(c)
}

// checker says whether this instance does its work.
func (s *service) checker(shortages func() []string) *ready.Checker {
	return &ready.Checker{
		CannotWrite: s.store.CannotWrite, Groups: s.feed.GroupStates, Relays: s.feed.Relays, Sealing: s.sealer.State, Found: s.flaws.Found, Damage: s.verifier.Damage, Witnesses: s.witnesses.Troubles,
		Current: func() (ready.Instance, bool) { t := s.current.Load(); return t, t != idle },
		GivenUp: outbox.New(s.store).GivenUp,
		Refused: s.file.Refused,
		Shortages: func() []string {
			return slices.Concat(shortages(), s.certificate.Warnings(), s.access.Troubles(), s.checkpoints.Warnings())
		},
	}
}
