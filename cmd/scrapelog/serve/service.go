package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/access"
	"scrapelog/handlers/apply"
	"scrapelog/handlers/attach"
	"scrapelog/handlers/checkpoint"
	"scrapelog/handlers/command"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/forward"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/instance"
	"scrapelog/handlers/live"
	"scrapelog/handlers/metrics"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/react"
	"scrapelog/handlers/ready"
	"scrapelog/handlers/recovery"
	"scrapelog/handlers/schedule"
	"scrapelog/handlers/scrape"
	"scrapelog/handlers/systemd"
	"scrapelog/handlers/trace"
	"scrapelog/handlers/verify"
	"scrapelog/handlers/witness"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// service holds what lives as long as the process: the log and its readers. A tenure
// holds what lives as long as one instance id.
type service struct {
	config      config.Config
	version     string
	logger      *slog.Logger
	store       *eventstore.Store
	feed        *feed.Feed
	queries     *projections.Queries
	sealer      *proof.Sealer
	flaws       *ready.Inspection
	commands    *command.Handler
	file        *apply.File
	channels    *notify.Channels
	access      *access.Access   // set before the first answer
	check       *ready.Checker   // likewise
	verifier    *verify.Verifier // likewise
	witnesses   *witness.Sender  // likewise
	checkpoints *checkpoint.Sender
	certificate *gate.Certificate // nil: plain HTTP
	metrics     *metrics.Metrics
	tracer      *trace.Tracer         // nil: no traces are wanted
	streams     func() map[string]int // open here, by kind; set before the first answer
	watchers    live.Watchers
	current     atomic.Pointer[tenure] // the idle one: starting, stopping, or between two
}

// tenure is the work under one instance id. Its parts answer for it: readiness, pages and
// API ask it what they hold. The zero values of the idle tenure answer "nothing".
type tenure struct {
	*instance.Tenure
	*instances.Instance
	*instance.Keeper
	*scrape.Supervisor
	*recovery.Prober
	*schedule.Scheduler
	*ready.Startup
}

var idle = &tenure{
	&instance.Tenure{}, &instances.Instance{}, &instance.Keeper{}, &scrape.Supervisor{}, &recovery.Prober{}, &schedule.Scheduler{}, &ready.Startup{},
}

// run serves a log at front until ctx ends.
//
// Nothing is written before this process has registered as an instance of the database.
// Pages answer before the work begins, so that people see why it has not begun; /readyz
// reports when it has. The readers outlive the work, and the sealer, which signs the last
// events, outlives all that appends.
func (s *service) run(ctx context.Context, front *ready.Front, reload Reload) error {
	defer s.tracer.Close()
	defer s.commands.Lines.Close()
	var lock *instances.Instance
	acquire := func(ctx context.Context) (err error) { lock, err = s.acquire(ctx); return err }
	if err := eventstore.Retry(ctx, s.logger, eventstore.Transient, acquire); err != nil {
		return err
	}
	if err := eventstore.Retry(ctx, s.logger, eventstore.Transient, s.prepare); err != nil {
		return errors.Join(err, instance.Release(lock))
	}
	openAccess := func(ctx context.Context) (err error) { s.access, err = s.openAccess(ctx, lock.ID); return err }
	if err := eventstore.Retry(ctx, s.logger, eventstore.Transient, openAccess); err != nil {
		return errors.Join(err, instance.Release(lock))
	}
	s.flaws = ready.Inspect(ctx, s.store, s.sealer, s.logger)
	readers, stopReaders := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReaders()
	group, readers := errgroup.WithContext(readers)
	if err := s.serveHTTP(readers, group, front); err != nil {
		return errors.Join(err, instance.Release(lock))
	}
	group.Go(func() error { return react.Run(readers, s.feed, s.logger, react.Projections()...) })
	group.Go(func() error { return s.flaws.Run(readers) })
	sealing, sealed := context.WithCancel(context.WithoutCancel(ctx))
	defer sealed()
	group.Go(func() error { defer sealed(); return s.sealer.Run(readers) })
	group.Go(func() error { return s.checkpoints.Run(sealing) })
	group.Go(func() error { return s.verifier.Run(ctx) })
	group.Go(func() error { return s.witnesses.Run(readers) })
	forwarder := forward.Forwarder{Config: s.config.Forward, Rules: s.file.Egress, Relay: s.feed.Relay}
	group.Go(func() error { return forwarder.Run(readers) })
	group.Go(func() error { return systemd.Notifier{Status: s.status, Logger: s.logger}.Run(readers) })
	group.Go(func() error {
		defer stopReaders()
		working, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		context.AfterFunc(readers, func() { stop(context.Cause(readers)) })
		next := func(ctx context.Context) (*instance.Tenure, error) {
			lock, err := s.acquire(ctx)
			if err != nil {
				return nil, err
			}
			return s.tenure(lock, reload), nil
		}
		return instance.Serve(working, s.tenure(lock, reload), next, s.logger)
	})
	s.logger.Info("serving", "url", s.config.At(front.Listener.Addr().String()), "file", cmp.Or(s.config.File, "none"), "database", eventstore.Redact(s.config.Database), "instance", lock.ID, "version", s.version)
	return group.Wait()
}

// status is one line about this process for those who look at it from outside.
func (s *service) status(ctx context.Context) string {
	if reasons := s.check.Reasons(ctx); len(reasons) > 0 {
		return "not ready: " + strings.Join(reasons, "; ")
	}
	counts, err := s.queries.Counts(ctx)
	outages, failed := s.queries.CountOpenOutages(ctx)
	if err := errors.Join(err, failed); err != nil {
		return "ready; the read models do not answer: " + err.Error()
	}
	return fmt.Sprintf("ready; %s open, %s", words.Count(counts[domain.StatusRunning], "run"), words.Count(int64(outages), "outage"))
}

// newService makes what needs the log and nothing else.
func newService(config config.Config, version string, store *eventstore.Store, logger *slog.Logger) *service {
	s := &service{config: config, version: version, logger: logger, store: store, feed: feed.New(store), queries: projections.NewQueries(store)}
	s.current.Store(idle)
	s.file = &apply.File{Log: store, Logger: logger}
	s.metrics, s.tracer = metrics.New(s.figures()), trace.Open(context.Background(), version, s.file.Egress, logger)
	s.feed.Handled = s.metrics.Handled
	balancer := &instance.Balancer{Live: instances.New(store).Live, Own: s.own, Halted: func() string { return cmp.Or(s.sealer.Refused(), s.flaws.Halts()) }}
	s.commands = &command.Handler{
		Log: store, Instance: func() string { return s.current.Load().ID }, Follower: balancer.Follower, Now: time.Now,
		Streak: s.queries.Streak, Secrets: s.file.Secrets, Appended: s.metrics.Appended, Logger: logger, Lines: &command.Lines{Logger: logger},
		Observe: func(f domain.Fact) { s.metrics.Observe(f); s.tracer.Observe(f) }, Traced: s.tracer != nil,
	}
	s.file.Handle = (&command.Crowd{Handler: s.commands}).Handle // a file may have thousands of scrapers
	return s
}

// own returns the id of this instance, unless it is starting or stopping.
func (s *service) own() (id string, ok bool) {
	t := s.current.Load()
	return t.ID, t != idle && !t.Stopping()
}

// eldest reports whether this is the live instance with the smallest id, which verifies
// the log.
func (s *service) eldest(ctx context.Context) (bool, error) {
	own, ok := s.own()
	live, err := instances.New(s.store).Live(ctx)
	return ok && !slices.ContainsFunc(live, func(r instances.Row) bool { return r.ID < own }), err
}

// acquire registers this process under a new id. It fails, before anything is written
// to the log, when another process must be the only one to serve this database.
func (s *service) acquire(ctx context.Context) (*instances.Instance, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	return instances.New(s.store).Acquire(ctx, id.String())
}

// prepare creates the read models and checks the log against its signed checkpoints,
// before anything is read or appended.
func (s *service) prepare(ctx context.Context) (err error) {
	if err := projections.Ensure(ctx, s.store); err != nil {
		return err
	}
	files := proof.Files{Key: s.config.Audit.Key, Checkpoints: s.config.Audit.Checkpoints}
	s.checkpoints = &checkpoint.Sender{Config: s.config.Audit.Forward, Log: s.store, Rules: s.file.Egress, Client: s.channels.Client, Logger: s.logger}
	if s.sealer, err = proof.Open(ctx, proof.Config{Store: s.store, Files: files, Signed: s.checkpoints.Signed, Logger: s.logger}); err != nil {
		return err
	}
	audit := s.config.Audit
	s.verifier = &verify.Verifier{
		Log: s.store, Files: s.sealer.Files, Every: audit.VerifyEvery.Std(), Mine: s.eldest, Witnesses: audit.Witnesses, Logger: s.logger,
	}
	s.witnesses = &witness.Sender{
		Log: s.store, Files: s.sealer.Files, Witnesses: audit.Witnesses, Client: witness.NewClient(s.file.Egress), Logger: s.logger,
	}
	// What is known to be wrong is known before the first answer.
	return errors.Join(s.verifier.Begin(ctx), s.witnesses.Begin(ctx))
}

// tenure is the work under the id of lock: it ends the runs of dead instances, applies the
// configuration file, follows runs, starts slots, probes lost scrapers and starts recovery
// runs.
func (s *service) tenure(lock *instances.Instance, reload Reload) *instance.Tenure {
	registry := instances.New(s.store)
	t := &tenure{Instance: lock, Startup: &ready.Startup{}}
	crowd := &command.Crowd{Handler: s.commands} // thousands of runs may end, and scrapers return, at once
	t.Keeper = &instance.Keeper{Store: registry, Beat: lock.Beat, Handle: s.commands.Handle, Logger: s.logger}
	t.Supervisor = &scrape.Supervisor{
		Instance: lock.ID, OpenRuns: s.feed.OpenRuns, LoadRun: crowd.Run, Config: s.file.TargetBy(crowd.Scraper), Handle: crowd.Handle, Wake: s.store.Wake,
		Leave:         func(ctx context.Context) { instance.Leave(ctx, lock.Leave, registry.Live, s.logger) },
		ShutdownGrace: s.config.ShutdownGrace.Std(), Trace: s.tracer.Exchange, Logger: s.logger,
	}
	t.Scheduler = &schedule.Scheduler{Log: s.feed, HandleAll: crowd.HandleAll, Wake: s.store.Wake, Ready: func() { s.ticking(t) }, Logger: s.logger}
	t.Prober = &recovery.Prober{
		Lost: s.feed.Lost, LoadRun: crowd.Run, Ask: dial.Probe, Watcher: s.watchers.Present, Handle: crowd.Handle,
		Config: s.file.TargetBy(func(ctx context.Context, name string) (domain.Scraper, error) {
			if scraper, known := t.Scheduler.Scraper(name); known { // ten thousand lost scrapers are probed every second
				return scraper, nil
			}
			return crowd.Scraper(ctx, name)
		}),
		Wake: s.store.Wake, Logger: s.logger,
	}
	t.Scheduler.Unanswered = t.Prober.Unanswered
	minder := &attach.Minder{
		Runs: t.Supervisor.Attached, Gone: s.watchers.GoneSince, Grace: s.config.WatcherGrace.Std(), Handle: s.commands.Handle, Logger: s.logger,
	}
	noteStart, tell, prepare := s.notices(lock.ID)
	t.Tenure = &instance.Tenure{
		Lock: lock,
		Begin: []func(context.Context) error{
			func(context.Context) error { s.current.Store(t); return nil },
			noteStart, t.Startup.Swept(t.Keeper.Begin), t.Startup.Applied(s.file.Apply, s.store.Head),
		},
		Keep: t.Keeper.Run, Follow: t.Supervisor.Run,
		Act: []func(context.Context) error{
			func(ctx context.Context) error {
				return react.Run(ctx, s.feed, s.logger, react.Rescrape(s.commands.HandleAll, s.logger))
			},
			t.Scheduler.Run, t.Prober.Run, minder.Run, tell,
			func(ctx context.Context) error { return s.file.Follow(ctx, reload.with(prepare)) },
		},
		End: func() { s.current.Store(idle) },
	}
	return t.Tenure
}

// ticking notes that slots are started from now on, and logs what is scheduled.
func (s *service) ticking(t *tenure) {
	t.Startup.Ticking()
	s.flaws.Begun()
	scrapers, next, due := t.Scheduler.Outlook()
	if next == "" {
		s.logger.Info(`nothing to schedule; add schedule: "@hourly" or the like to a scraper in the configuration ("scrapelog config example" prints one), or start runs by hand with "scrapelog runs start NAME"`,
			"scrapers", scrapers, "file", cmp.Or(s.config.File, config.DefaultFile))
		return
	}
	s.logger.Info("scheduling; the next slot is due", "scrapers", scrapers, "scraper", next, "due_at", due.UTC())
}
