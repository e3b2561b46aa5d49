package serve

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/attach"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/instance"
	"scrapelog/handlers/react"
	"scrapelog/handlers/ready"
	"scrapelog/handlers/recovery"
	"scrapelog/handlers/schedule"
	"scrapelog/handlers/scrape"
)

// tenure is the work of this process under one instance id: it holds the lock, follows
// runs, starts slots, probes lost scrapers and starts recovery runs.
type tenure struct {
	*service
	id         string
	lock       *instances.Instance
	keeper     *instance.Keeper
	supervisor *scrape.Supervisor
	prober     *recovery.Prober
	scheduler  *schedule.Scheduler
	stopping   <-chan struct{} // closed: no new runs
}

// acquire registers this process under a new id. It fails, before anything is written
// to the log, when another process must be the only one to serve this database.
func (s *service) acquire(ctx context.Context) (*tenure, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	lock, err := instances.New(s.store).Acquire(ctx, id.String())
	if err != nil {
		return nil, err
	}
	t := &tenure{service: s, id: id.String(), lock: lock, stopping: make(chan struct{})}
	t.keeper = &instance.Keeper{Store: instances.New(s.store), Beat: lock.Beat, Handle: s.commands.Handle, Logger: s.logger}
	t.supervisor = &scrape.Supervisor{
		Instance: t.id, OpenRuns: s.store.OpenRuns, LoadRun: s.loadRun, Config: s.file.Target, Handle: s.commands.Handle,
		Wake: s.store.Wake, Leave: t.leave, ShutdownGrace: s.config.ShutdownGrace.Std(), Logger: s.logger,
	}
	t.prober = &recovery.Prober{
		Lost: s.store.Lost, LoadRun: s.loadRun, Config: t.probeConfig, Ask: dial.Probe, Watcher: s.watchers.Present,
		Handle: s.commands.Handle, Wake: s.store.Wake, Logger: s.logger,
	}
	t.scheduler = &schedule.Scheduler{
		Log: s.store, Handle: s.commands.Handle, Unanswered: t.prober.Unanswered, Wake: s.store.Wake,
		Ready: t.ticking, Logger: s.logger,
	}
	return t, nil
}

// ticking notes that slots are started from now on, and logs what is scheduled.
func (t *tenure) ticking() {
	t.starts.Done(ready.Ticking)
	scrapers, next, due := t.scheduler.Outlook()
	if next == "" {
		t.logger.Info(`nothing to schedule; add schedule: "@hourly" or the like to a scraper in the configuration ("scrapelog config example" prints one), or start runs by hand with "scrapelog runs start NAME"`,
			"scrapers", scrapers, "file", cmp.Or(t.config.File, config.DefaultFile))
		return
	}
	t.logger.Info("scheduling; the next slot is due", "scrapers", scrapers, "scraper", next, "due_at", due.UTC())
}

// run works under this id until ctx ends or other instances mark it dead. Everything
// that starts runs stops first; then the supervisor waits for the open runs.
func (t *tenure) run(ctx context.Context, reload <-chan func() (config.Config, error)) error {
	defer func() {
		t.current.Store(nil)
		if err := t.release(); err != nil {
			t.logger.Warn("cannot release the instance", "error", err)
		}
	}()
	t.stopping = ctx.Done()
	t.current.Store(t)
	t.starts.Reset()
	if err := t.insist(ctx, away, t.keeper.Begin); err != nil {
		return err
	}
	t.starts.Done(ready.Swept)
	apply := func(ctx context.Context) error { return t.file.Apply(ctx, t.config.Scrapers) }
	if err := t.insist(ctx, away, apply); err != nil {
		return err
	}
	var head int64
	look := func(ctx context.Context) (err error) { head, err = t.store.Head(ctx); return err }
	if err := t.insist(ctx, away, look); err != nil {
		return err
	}
	t.starts.DoneAt(head)
	return t.work(ctx, reload)
}

// work runs everything that acts. The supervisor outlives the others by the
// shutdown grace, and the keeper outlives the supervisor: an instance that still
// follows runs must not be marked dead.
func (t *tenure) work(ctx context.Context, reload <-chan func() (config.Config, error)) error {
	following, disown := context.WithCancelCause(ctx)
	defer disown(nil)
	living, stopLiving := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLiving()
	acting := new(errgroup.Group)
	acting.Go(func() error {
		err := t.keeper.Run(living)
		if errors.Is(err, instances.ErrMarkedDead) {
			disown(scrape.ErrDisowned)
		}
		return err
	})
	acting.Go(func() error {
		defer stopLiving()
		return t.supervisor.Run(following)
	})
	for _, run := range []func(context.Context) error{t.rescrape, t.scheduler.Run, t.prober.Run, t.mind, t.notices} {
		acting.Go(func() error {
			err := run(following)
			if following.Err() == nil {
				disown(err) // ended early
			}
			return err
		})
	}
	acting.Go(func() error { return t.reloads(following, reload) })
	return acting.Wait()
}

// rescrape feeds the saga.
func (t *tenure) rescrape(ctx context.Context) error {
	router, err := react.New(t.feed, t.logger, react.Rescrape(t.commands.Handle, t.logger))
	if err != nil {
		return err
	}
	return router.Run(ctx)
}

func (t *tenure) mind(ctx context.Context) error {
	m := &attach.Minder{Runs: t.supervisor.Attached, Gone: t.watchers.GoneSince, Grace: t.config.WatcherGrace.Std(), Handle: t.commands.Handle, Logger: t.logger}
	return m.Run(ctx)
}

// probeConfig returns what to probe a scraper with. Ten thousand lost scrapers are
// probed every second: the scheduler has their configuration in memory.
func (t *tenure) probeConfig(ctx context.Context, name string) (dial.Target, error) {
	if scraper, ok := t.scheduler.Scraper(name); ok {
		return t.file.TargetOf(scraper), nil
	}
	return t.file.Target(ctx, name)
}

// reloads applies the configuration file each time reload delivers one. A file that
// cannot be read or is invalid changes nothing.
func (t *tenure) reloads(ctx context.Context, reload <-chan func() (config.Config, error)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case load := <-reload:
			config, err := load()
			if err == nil {
				err = t.reload(ctx, config)
			}
			if err != nil {
				t.logger.Error("the configuration file was not applied", slog.Any("error", err))
				continue
			}
			t.logger.Info("configuration file applied", "scrapers", len(config.Scrapers))
		}
	}
}

func (t *tenure) reload(ctx context.Context, config config.Config) error {
	access, err := config.Access()
	if err != nil {
		return err
	}
	t.file.Allow(access)
	return t.file.Apply(ctx, config.Scrapers)
}

// Stopping reports whether this instance starts no new runs.
func (t *tenure) Stopping() bool {
	select {
	case <-t.stopping:
		return true
	default:
		return false
	}
}

// leave keeps the other instances from giving runs to this one.
func (t *tenure) leave(ctx context.Context) {
	instance.Leave(ctx, t.lock.Leave, instances.New(t.store).Live, t.logger)
}

// release releases the lock of this instance.
func (t *tenure) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.lock.Release(ctx)
}

// What readiness asks of a tenure; see [ready.Instance].

func (t *tenure) LastBeat() (ago time.Duration, err error) { return t.lock.LastBeat() }
func (t *tenure) Overdue() string                          { return t.scheduler.Overdue() }
func (t *tenure) Unrecorded() (runs int, why error)        { return t.supervisor.Unrecorded() }
func (t *tenure) ClockSet() (by, ago time.Duration)        { return t.keeper.ClockSet() }
