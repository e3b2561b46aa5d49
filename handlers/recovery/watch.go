package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// announcePause is the minimum time between two probes of a scraper that are asked for, by
// announcements or by people.
const announcePause = time.Second

// watch probes for one loss until the connection is restored.
type watch struct {
	prober  *Prober
	scraper string
	run     uuid.UUID
	cancel  context.CancelFunc
	found   int // the last refresh that found it lost; guarded by Prober.mu

	sooner chan domain.NoticedBy // holds at most one wish for a probe, with what would notice the return
	lost   domain.Run            // as loaded; used by loop only
	hung   bool                  // the last probe hung; used by loop only

	mu            sync.Mutex
	seen          watchState
	lastAnnounced time.Time
}

// watchState is what the pages and the scheduler see of a watch.
type watchState struct {
	waiting    string // for what, beginning with "for"; empty: for nothing
	detail     string // why the last probe failed
	unanswered bool   // the last probe got no answer
	watcher    string // the watcher whose stream must be open again too
}

func (s watchState) String() string {
	if s.detail == "" {
		return s.waiting
	}
	return s.waiting + " (" + s.detail + ")"
}

func (w *watch) state() watchState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// probeNow asks for a probe at once. by is what notices the return if it is answered.
func (w *watch) probeNow(by domain.NoticedBy) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.lastAnnounced) >= announcePause {
		w.lastAnnounced = now
		select {
		case w.sooner <- by:
		default:
		}
	}
}

// loop probes until the connection is restored. It reads the configuration before
// each probe, so that a changed URL or interval takes effect at once.
func (w *watch) loop(ctx context.Context) {
	var goodSince time.Time // the first good probe after the last bad one
	by := domain.NoticedByProbe
	for ctx.Err() == nil {
		state, next := w.look(ctx, &goodSince, by)
		if next == 0 {
			return
		}
		w.report(ctx, state)
		by = w.pause(ctx, next)
	}
}

// look makes one probe with everything that belongs to it, within the limit of probes
// under way. next is the time until the next probe; 0 means that the connection is
// restored.
func (w *watch) look(ctx context.Context, goodSince *time.Time, by domain.NoticedBy) (state watchState, next time.Duration) {
	sooner, err := w.turn(ctx)
	if err != nil {
		return state, Poll
	}
	by = cmp.Or(sooner, by)
	w.hung = w.hung && by != domain.NoticedByAnnounce
	leave, sooner, err := w.enter(ctx)
	if err != nil {
		return state, Poll
	}
	defer leave()
	by = cmp.Or(sooner, by)
	config, err := w.prober.Config(ctx, w.scraper)
	if err != nil {
		return unreadable(err), Poll
	}
	if state = w.ask(ctx, config, goodSince); state.waiting != "" {
		return state, config.Probe.Interval.Std()
	}
	if err := w.load(ctx); err != nil {
		return unreadable(err), Poll
	}
	if w.lost.LostLink == domain.LinkWatcher {
		by = domain.NoticedByWatcher
	}
	if state = w.prove(config, *goodSince); state.waiting == "" && w.restored(ctx, by) {
		return state, 0
	}
	return state, config.Probe.Interval.Std()
}

// turn waits until many connections are no longer being lost, and until another probe may
// begin. A probe that is asked for skips the first wait.
func (w *watch) turn(ctx context.Context) (sooner domain.NoticedBy, err error) {
	for patience := time.Now().Add(calmAtMost); ; {
		if calm := w.prober.calming(); calm != nil {
			select {
			case <-calm:
			case <-ctx.Done():
			case <-time.After(time.Until(patience)):
			case sooner = <-w.sooner:
			}
		}
		if err := w.prober.pace.Wait(ctx); err != nil {
			return "", err
		}
		if sooner != "" || w.prober.calming() == nil || !time.Now().Before(patience) {
			return sooner, nil
		}
	}
}

// enter waits until another probe may be under way. If the last probe of this scraper
// hung and no probe was asked for since, it counts to the limit of hung probes.
func (w *watch) enter(ctx context.Context) (leave func(), sooner domain.NoticedBy, err error) {
	p := w.prober
	if w.hung {
		select {
		case p.hanging <- struct{}{}:
			return func() { <-p.hanging }, "", nil
		case sooner = <-w.sooner:
		case <-ctx.Done():
			return nil, "", context.Cause(ctx)
		}
	}
	select {
	case p.places <- struct{}{}:
		return func() { <-p.places }, sooner, nil
	case <-ctx.Done():
		return nil, sooner, context.Cause(ctx)
	}
}

func unreadable(err error) watchState {
	return watchState{waiting: "for the log, which cannot be read", detail: err.Error()}
}

// load reads the lost run once. The run has ended, so that nothing changes that is
// used here.
func (w *watch) load(ctx context.Context) (err error) {
	if w.lost.ID == uuid.Nil {
		w.lost, err = w.prober.LoadRun(ctx, w.run)
	}
	return err
}

func (w *watch) ask(ctx context.Context, c dial.Target, goodSince *time.Time) watchState {
	began := time.Now()
	back, answered, err := w.prober.Ask(ctx, c)
	w.hung = !answered && time.Since(began) >= hangs
	if back {
		if goodSince.IsZero() {
			*goodSince = began
		}
		return watchState{}
	}
	*goodSince = time.Time{}
	state := watchState{waiting: fmt.Sprintf("for the scraper to answer, probing every %g s", c.Probe.Interval.Std().Seconds()), unanswered: !answered && asked(err)}
	if err != nil {
		state.detail = err.Error()
	}
	return state
}

// asked reports whether a probe that ended with err was sent. A probe that could not
// be sent says nothing about the scraper: its next slot starts a run, and the end of
// that run names the reason.
func asked(err error) bool { return !errors.Is(err, domain.ErrInvalid) && !dial.Exhausted(err) }

// prove returns what is missing after a good probe: good probes for the rest of the
// hold-down, or the watcher of a run that lost its watcher.
func (w *watch) prove(c dial.Target, goodSince time.Time) watchState {
	lost, holdDown := w.lost, c.Recovery.HoldDown
	switch {
	case lost.HeldDown(holdDown.Std()) && time.Since(goodSince) < holdDown.Std():
		return watchState{waiting: fmt.Sprintf("for %[1]g s of good answers to probes, since the last recovery run was lost within %[1]g s of its start", holdDown.Std().Seconds())}
	case lost.LostLink == domain.LinkWatcher && !w.prober.Watcher(lost.Watcher):
		return watchState{waiting: "for the watcher to come back", watcher: lost.Watcher}
	}
	return watchState{}
}

func (w *watch) restored(ctx context.Context, by domain.NoticedBy) bool {
	command := domain.ReportConnectionRestored{ToRun: domain.ToRun{RunID: w.run}, NoticedBy: by}
	_, err := w.prober.Handle(ctx, command, domain.Origin{Actor: "prober"})
	switch {
	case err == nil, errors.Is(err, domain.ErrFinished), errors.Is(err, domain.ErrInvalid), errors.Is(err, domain.ErrNotFound):
		return true
	case ctx.Err() == nil:
		w.prober.Logger.Error("restored connection not recorded, retrying", "scraper", w.scraper, "run", w.run, "error", err)
	}
	return false
}

// report stores what the watch waits for, and logs it when it changes.
func (w *watch) report(ctx context.Context, state watchState) {
	w.mu.Lock()
	changed := w.seen.waiting != state.waiting
	w.seen = state
	w.mu.Unlock()
	if changed && state.waiting != "" && ctx.Err() == nil {
		w.prober.Logger.Info("recovery waits "+state.waiting, "scraper", w.scraper, "run", w.run, "detail", state.detail)
	}
}

// pause waits until the next probe is due and returns what causes it.
func (w *watch) pause(ctx context.Context, interval time.Duration) domain.NoticedBy {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case by := <-w.sooner:
		return by
	}
	return domain.NoticedByProbe
}
