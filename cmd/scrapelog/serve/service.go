package serve

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/apply"
	"scrapelog/handlers/command"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/instance"
	"scrapelog/handlers/live"
	"scrapelog/handlers/metrics"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/react"
	"scrapelog/handlers/ready"
	"scrapelog/projections"
)

// service holds everything that lives as long as the process: the log and its
// readers. A tenure holds what lives as long as one instance id.
type service struct {
	config   config.Config
	store    *eventstore.Store
	feed     *feed.Feed
	queries  *projections.Queries
	commands *command.Handler
	file     *apply.File
	watchers live.Watchers
	sealer   *proof.Sealer
	flaws    ready.Inspection
	ready    *ready.Checker
	logger   *slog.Logger
	version  string
	channels *notify.Channels
	metrics  *metrics.Metrics

	// Set before the first answer.
	shortages func() []string       // of connections, streams and descriptors
	streams   func() map[string]int // open, by kind

	current atomic.Pointer[tenure] // nil: starting, stopping, or between two
	starts  ready.Startup
}

func newService(config config.Config, version string, store *eventstore.Store, logger *slog.Logger) *service {
	s := &service{config: config, version: version, store: store, feed: feed.New(store), logger: logger}
	s.queries = projections.NewQueries(store)
	s.metrics = metrics.New(s.figures())
	s.feed.Handled = s.metrics.Handled
	balancer := &instance.Balancer{Live: instances.New(store).Live, Own: s.own, Halted: s.halted}
	s.commands = &command.Handler{Log: store, Instance: s.instance, Follower: balancer.Follower, Now: time.Now, Streak: s.streak, Logger: logger,
		Secrets: func() domain.Secrets { return s.file.Secrets() }, Observe: s.metrics.Observe, Appended: s.metrics.Appended}
	s.file = &apply.File{Log: store, Handle: s.commands.Handle}
	s.ready = &ready.Checker{
		CannotWrite: store.CannotWrite, Groups: s.feed.GroupStates, Startup: &s.starts, Current: s.working,
		Sealing: func() proof.State { return s.sealer.State() }, Found: s.flaws.Found,
		Shortages: func() []string { return s.shortages() },
	}
	return s
}

// streak returns how the last runs of a scraper were lost, and the position of the log
// up to which that holds.
func (s *service) streak(ctx context.Context, scraper string) (domain.Streak, int64, error) {
	view, err := s.queries.Scraper(ctx, scraper)
	return view.Streak, view.Position, err
}

// halted returns why no run may be started; empty: runs may.
func (s *service) halted() string { return cmp.Or(s.sealer.Refused(), s.flaws.Halts()) }

// own returns the id of this instance, unless it is starting or stopping.
func (s *service) own() (id string, ok bool) {
	if t := s.current.Load(); t != nil && !t.Stopping() {
		return t.id, true
	}
	return "", false
}

// working returns the tenure, unless there is none.
func (s *service) working() (ready.Instance, bool) {
	t := s.current.Load()
	return t, t != nil
}

// instance returns the id under which events are appended; empty: none.
func (s *service) instance() string {
	if t := s.current.Load(); t != nil {
		return t.id
	}
	return ""
}

// run serves until ctx ends. Pages answer before the work begins, so that people see
// why it has not begun; /readyz reports when it has.
func (s *service) run(ctx context.Context, front *ready.Front, reload <-chan func() (config.Config, error)) error {
	access, err := s.config.Access()
	if err != nil {
		return err
	}
	s.file.Listen(gate.Address(front.Listener))
	s.file.Allow(access)
	if s.channels, err = notify.Open(s.config.Notify, s.file.Egress); err != nil {
		return term.Usagef("%v", err)
	}
	var first *tenure
	begin := func(ctx context.Context) (err error) { first, err = s.acquire(ctx); return err }
	if err := s.insist(ctx, eventstore.Transient, begin); err != nil {
		return err
	}
	if err := s.insist(ctx, eventstore.Transient, s.prepare); err != nil {
		return errors.Join(err, first.release())
	}
	readers, stopReaders := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReaders()
	group, readers := errgroup.WithContext(readers)
	s.serveHTTP(readers, group, front)
	group.Go(func() error { return s.project(readers) })
	group.Go(func() error { return s.flaws.Run(readers) })
	group.Go(func() error { return s.sealer.Run(readers) }) // ends after everything that appends, to sign the last events
	group.Go(func() error {
		defer stopReaders()
		working, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		context.AfterFunc(readers, func() { stop(context.Cause(readers)) })
		return s.tenures(working, first, reload)
	})
	s.logger.Info("serving", "url", "http://"+front.Listener.Addr().String(), "file", cmp.Or(s.config.File, "none"), "database", eventstore.Redact(s.config.Database), "instance", first.id, "version", s.version)
	return group.Wait()
}

// prepare creates the read models and checks the log against its signed checkpoints,
// before anything is read or appended.
func (s *service) prepare(ctx context.Context) (err error) {
	if err := projections.Ensure(ctx, s.store); err != nil {
		return err
	}
	files := proof.Files{Key: s.config.Audit.Key, Checkpoints: s.config.Audit.Checkpoints}
	s.sealer, err = proof.Open(ctx, proof.Config{Store: s.store, Files: files, Logger: s.logger})
	if err != nil {
		return err
	}
	s.flaws.Store, s.flaws.Sealer, s.flaws.Logger = s.store, s.sealer, s.logger
	s.flaws.Start(ctx)
	return nil
}

// project feeds the read models for as long as pages are served.
func (s *service) project(ctx context.Context) error {
	var groups []react.Group
	for _, p := range projections.All() {
		groups = append(groups, react.Project(p))
	}
	router, err := react.New(s.feed, s.logger, groups...)
	if err != nil {
		return err
	}
	return router.Run(ctx)
}

// tenures serves under one instance id after another: an instance that others marked
// dead has lost its runs to them, and begins again under a new id.
func (s *service) tenures(ctx context.Context, t *tenure, reload <-chan func() (config.Config, error)) error {
	for {
		err := unlessStopped(ctx, t.run(ctx, reload))
		if !errors.Is(err, instances.ErrMarkedDead) || ctx.Err() != nil {
			return err
		}
		s.logger.Warn("others marked this instance dead and ended its runs; it begins again under a new id", "instance", t.id)
		again := func(ctx context.Context) (err error) { t, err = s.acquire(ctx); return err }
		if err := s.insist(ctx, away, again); err != nil {
			return unlessStopped(ctx, err)
		}
	}
}

// insist retries do every second while its error passes by itself: a process that
// holds its lock does not end because its database is unavailable for a while. It
// returns an error that does not pass, or the cause of ctx.
func (s *service) insist(ctx context.Context, passes func(error) bool, do func(ctx context.Context) error) error {
	var said time.Time
	for {
		err := do(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !passes(err):
			return err
		}
		if time.Since(said) > time.Minute {
			s.logger.Error("database unavailable, retrying", "error", err)
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// unlessStopped returns err, or nil when our own stop caused it.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

// away reports whether err says that the database is unavailable or in maintenance.
func away(err error) bool {
	return errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrHeld) || eventstore.Transient(err)
}

// loadRun returns a run, folded from the log.
func (s *service) loadRun(ctx context.Context, id uuid.UUID) (domain.Run, error) {
	return s.commands.Run(ctx, id)
}
