package serve

import (
	"context"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/api"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/live"
	"scrapelog/handlers/ready"
	"scrapelog/handlers/web"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

// httpGrace is how long open answers may take after the streams have been closed.
const httpGrace = 5 * time.Second

// serveHTTP answers pages and API until ctx ends.
func (s *service) serveHTTP(ctx context.Context, group *errgroup.Group, front *ready.Front) {
	changes := live.New(s.hubConfig(s.queries, api.Render))
	shown := s.hubConfig(projections.Outline{Queries: s.queries}, web.Render)
	shown.Standing = func() (live.Message, error) { return web.Standing(s.sealer.State, instances.New(s.store).Holdings) }
	fragments := live.New(shown)
	group.Go(func() error { return changes.Run(ctx) })
	group.Go(func() error { return fragments.Run(ctx) })

	limits := s.config.Limits.InForce()
	streams := &gate.Streams{Total: limits.Streams, PerClient: limits.StreamsPerClient}
	s.shortages = func() []string { return gate.Shortages(front.Listener, streams) }
	forPrograms, forPeople := s.apiConfig(changes), s.webConfig(fragments)
	forPrograms.Streams, forPeople.Streams, forPrograms.MaxScrapers = streams, streams, limits.APIScrapers
	programs, people := api.New(forPrograms), web.New(forPeople)
	e := api.NewEcho(api.EchoConfig{Hosts: append([]string{s.config.Listen}, s.config.Hosts...), Pages: people.Error, Logger: s.logger})
	s.streams = func() map[string]int { return s.openStreams(programs, changes, fragments) }
	programs.Register(e)
	people.Register(e)
	group.Go(func() error { return people.Run(ctx) })
	front.RegisterOnShutdown(programs.Close)
	front.Open(e)
	group.Go(front.Wait)
	group.Go(func() error {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpGrace)
		defer cancel()
		if front.Shutdown(ending) != nil {
			return front.Close()
		}
		return nil
	})
}

func (s *service) hubConfig(source live.Source, render func(projections.Changes) ([]live.Message, error)) live.Config {
	return live.Config{Source: source, Wake: s.feed.WakeProgress, Render: render, Watchers: &s.watchers, Logger: s.logger}
}

// watched is a hub whose subscribers are announced to recovery: a run that was
// lost with its watcher starts again when that watcher is back.
type watched struct {
	*live.Hub
	*service
}

func (w watched) Subscribe(ctx context.Context, watcher string) (<-chan live.Message, error) {
	messages, err := w.Hub.Subscribe(ctx, watcher)
	if t := w.current.Load(); t != nil && err == nil {
		t.prober.WatcherBack(watcher)
	}
	return messages, err
}

func (s *service) apiConfig(hub *live.Hub) api.Config {
	return api.Config{
		Log: s.feed, Views: s.queries, Handle: s.commands.Handle, Watch: watched{hub, s}.Subscribe,
		Announce: func(scrapers []string) {
			if t := s.current.Load(); t != nil {
				t.prober.Announce(scrapers)
			}
		},
		Ready: s.readiness, Metrics: s.metrics, Logger: s.logger,
	}
}

// readiness returns what /readyz reports.
func (s *service) readiness(ctx context.Context) api.Readiness {
	return api.Readiness{Reasons: s.ready.Reasons(ctx), Warnings: s.ready.Warnings()}
}

// openTo is the address that other machines reach without a login, if there is one.
func (s *service) openTo() string {
	if gate.OnlyHere(s.config.Listen) {
		return ""
	}
	return s.config.Listen
}

func (s *service) webConfig(hub *live.Hub) web.Config {
	return web.Config{
		OpenTo:  s.openTo(),
		Queries: s.queries, Events: s.store, Live: watched{hub, s}, Groups: s.feed.GroupStates, Instances: instances.New(s.store).Holdings, Handle: s.commands.Handle,
		WaitFor: s.shown, Heard: s.heard, Waiting: s.waiting, Audit: s.audit(), Findings: s.store, Logger: s.logger,
		Rebuild: func(ctx context.Context, name string, progress func(done, head int64)) error {
			return projections.Rebuild(ctx, s.store, name, progress)
		},
	}
}

// audit returns what the audit page shows and does.
func (s *service) audit() web.Audit {
	return web.Audit{
		State: s.sealer.State, Flaws: s.flaws.Found,
		Verify: func(ctx context.Context, progress func(done, all int64)) (proof.Result, error) {
			return proof.Verify(ctx, s.store, proof.Options{Files: s.sealer.Files(), Guards: true}, progress)
		},
		Replay: func(ctx context.Context, progress func(done, all int64)) (replay.Comparison, error) {
			return replay.Compare(ctx, s.store, replay.Config{Against: replay.InTables(s.store), Background: true, Progress: progress})
		},
		Recent: func(ctx context.Context, limit int) ([]proof.Sealed, error) { return proof.Recent(ctx, s.store, limit) },
		Prove: func(ctx context.Context, position int64) (proof.Proof, error) {
			return proof.Prove(ctx, s.store, s.sealer.Files(), position)
		},
	}
}

// shown returns when every read model shows the log up to position.
func (s *service) shown(ctx context.Context, position int64) error {
	for _, p := range projections.All() {
		if err := s.feed.WaitFor(ctx, p.Name(), position); err != nil {
			return err
		}
	}
	return nil
}

// heard returns when a run that this instance follows last sent anything.
func (s *service) heard(run uuid.UUID) (time.Time, bool) {
	if t := s.current.Load(); t != nil {
		return t.supervisor.Heard(run)
	}
	return time.Time{}, false
}

// waiting returns the reason why a lost scraper is not started yet.
func (s *service) waiting(scraper string) (string, bool) {
	if t := s.current.Load(); t != nil {
		return t.prober.Waiting(scraper)
	}
	return "", false
}
