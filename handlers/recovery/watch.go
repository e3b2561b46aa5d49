package recovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// announcePause is the least time between two probes of one scraper that
// announcements caused.
const announcePause = time.Second

// watch follows one loss until it is restored.
type watch struct {
	prober  *Prober
	scraper string
	run     uuid.UUID
	cancel  context.CancelFunc

	announced chan struct{} // holds at most one announcement that has not been answered
	lost      domain.Run    // once it was read; the loop's alone
	hung      bool          // so did the last probe; likewise

	mu            sync.Mutex
	seen          watchState
	lastAnnounced time.Time
}

// watchState is what people and the scheduler may know of a watch.
type watchState struct {
	waiting    string // for what; empty: for nothing any more
	detail     string // what the last probe saw
	unanswered bool   // the last probe got no answer at all
	watcher    string // who must come back too
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

func (w *watch) announce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.lastAnnounced) >= announcePause {
		w.lastAnnounced = now
		select {
		case w.announced <- struct{}{}:
		default:
		}
	}
}

// loop probes until the connection is restored. The configuration is read anew
// each time, so that a changed URL or interval takes effect at once.
func (w *watch) loop(ctx context.Context) {
	var goodSince time.Time // the first of an unbroken row of good probes
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

// look is one round: everything that a probe takes, under one of the places for
// them. next is when another is due; zero: none, the connection is restored.
func (w *watch) look(ctx context.Context, goodSince *time.Time, by domain.NoticedBy) (state watchState, next time.Duration) {
	w.hung = w.hung && by != domain.NoticedByAnnounce
	leave, announced, err := w.enter(ctx)
	if err != nil {
		return state, Poll
	}
	defer leave()
	if announced {
		by = domain.NoticedByAnnounce
	}
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

// enter waits for a place to probe in. Whose last probe hung waits among those
// that do, until an announcement says otherwise.
func (w *watch) enter(ctx context.Context) (leave func(), announced bool, err error) {
	p := w.prober
	if err := p.pace.Wait(ctx); err != nil {
		return nil, false, err
	}
	if w.hung {
		select {
		case p.hanging <- struct{}{}:
			return func() { <-p.hanging }, false, nil
		case <-w.announced:
			announced = true
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
	select {
	case p.places <- struct{}{}:
		return func() { <-p.places }, announced, nil
	case <-ctx.Done():
		return nil, announced, context.Cause(ctx)
	}
}

func unreadable(err error) watchState {
	return watchState{waiting: "for the log, which cannot be read", detail: err.Error()}
}

// load reads the lost run once: it has ended, and nothing that matters here
// changes any more.
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
	state := watchState{waiting: fmt.Sprintf("for a good answer to a probe every %g s", c.Probe.Interval.Std().Seconds()), unanswered: !answered && asked(err)}
	if err != nil {
		state.detail = err.Error()
	}
	return state
}

// asked says whether a probe that ended with err was sent at all. What could not be
// sent says nothing about the scraper: its next slot starts, and tells people why.
func asked(err error) bool { return !errors.Is(err, domain.ErrInvalid) && !dial.Exhausted(err) }

// prove asks for more than one good probe where more is due: a whole hold-down
// of them, and a watcher for a run that lost its watcher.
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
		w.prober.Logger.Error("a restored connection cannot be recorded; trying again", "scraper", w.scraper, "run", w.run, "error", err)
	}
	return false
}

// report keeps what is being waited for, and logs it when it changes.
func (w *watch) report(ctx context.Context, state watchState) {
	w.mu.Lock()
	changed := w.seen.waiting != state.waiting
	w.seen = state
	w.mu.Unlock()
	if changed && state.waiting != "" && ctx.Err() == nil {
		w.prober.Logger.Info("recovery waits "+state.waiting, "scraper", w.scraper, "run", w.run, "detail", state.detail)
	}
}

// pause waits for the next probe and says what will have caused it.
func (w *watch) pause(ctx context.Context, interval time.Duration) domain.NoticedBy {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-w.announced:
		return domain.NoticedByAnnounce
	}
	return domain.NoticedByProbe
}
