// Package recovery watches lost scrapers and says when they are back.
//
// A prober asks a lost scraper every probe.interval. The first good answer is a
// return, with one exception: a recovery run that was lost within
// recovery.hold_down of its start comes from a scraper that accepts probes and
// drops streams, so every probe of a whole hold-down must succeed first. There
// is no counter and no back-off; a hold-down lives in memory and starts anew
// with the prober.
package recovery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/dial"
)

const (
	// Poll is how often lost scrapers are looked for when nothing wakes the prober.
	Poll = time.Second
	// AtOnce is how many probes are under way at once, and PerSecond how many begin
	// in a second, whatever is lost: the return of ten thousand scrapers must not
	// look to them like an attack, nor their absence take the time in which their
	// losses are recorded. Where more are lost than that each is probed less often.
	// As many more may be under way to scrapers whose last probe hung: they take five
	// seconds to say nothing, and nobody else is to wait for that.
	AtOnce    = 256
	PerSecond = 2000
	// hangs is how long a probe takes that was not answered because somebody is there
	// and is silent, or nobody is. Who refuses does it at once.
	hangs = time.Second
)

// Prober watches every scraper whose connection is down. All fields are required.
type Prober struct {
	Lost    func(ctx context.Context) ([]domain.Guard, error) // the guards of scrapers whose connection is down
	LoadRun func(ctx context.Context, id uuid.UUID) (domain.Run, error)
	// Config is asked before every probe: it should not need the database.
	Config func(ctx context.Context, scraper string) (dial.Target, error)
	// Ask makes one full exchange. Answered is true for any answer at all, back
	// only for one that means the scraper can be scraped.
	Ask     func(ctx context.Context, c dial.Target) (back, answered bool, err error)
	Watcher func(id string) bool // is this watcher's stream open?
	Handle  func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	Wake    func() (<-chan struct{}, func())
	Logger  *slog.Logger

	mu      sync.Mutex
	watches map[string]*watch // by scraper
	places  chan struct{}     // one for each probe that may be under way
	hanging chan struct{}     // the same for those that are expected to hang
	pace    *rate.Limiter     // of their beginnings
}

// Run watches until ctx ends. It returns when every watch has ended.
func (p *Prober) Run(ctx context.Context) error {
	wake, stop := p.Wake()
	defer stop()
	p.places, p.hanging = make(chan struct{}, AtOnce), make(chan struct{}, AtOnce)
	p.pace = rate.NewLimiter(PerSecond, AtOnce)
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	ticker := time.NewTicker(Poll)
	defer ticker.Stop()
	for {
		began := time.Now()
		if err := p.refresh(ctx, &watching); err != nil && ctx.Err() == nil {
			p.Logger.Error("lost scrapers cannot be read", "error", err)
		}
		select { // a storm of commits must not keep it reading: it rests nine times as long as it read
		case <-ctx.Done():
			return nil
		case <-time.After(min(9*time.Since(began), Poll)):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-ticker.C:
		}
	}
}

// refresh begins a watch for every loss that has none and ends those whose loss
// was restored or superseded.
func (p *Prober) refresh(ctx context.Context, watching *sync.WaitGroup) error {
	lost, err := p.Lost(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	down := map[string]bool{}
	for _, guard := range lost {
		down[guard.Scraper] = true
		current := p.watches[guard.Scraper]
		if current != nil && current.run == guard.LostRun {
			continue
		}
		if current != nil {
			current.cancel()
		}
		p.begin(ctx, guard, watching)
	}
	for scraper, current := range p.watches {
		if !down[scraper] {
			current.cancel()
			delete(p.watches, scraper)
		}
	}
	return nil
}

func (p *Prober) begin(ctx context.Context, guard domain.Guard, watching *sync.WaitGroup) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{prober: p, scraper: guard.Scraper, run: guard.LostRun, cancel: cancel, announced: make(chan struct{}, 1)}
	if p.watches == nil {
		p.watches = map[string]*watch{}
	}
	p.watches[guard.Scraper] = w
	watching.Go(func() {
		defer cancel()
		w.loop(ctx)
	})
}

// Announce says that scrapers are up. Those that are lost are asked at once, on
// an announcement's account at most once a second each.
func (p *Prober) Announce(scrapers []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range scrapers {
		if w := p.watches[name]; w != nil {
			w.announce()
		}
	}
}

// WatcherBack says that a watcher's stream is open: runs that were lost with it
// are looked at at once.
func (p *Prober) WatcherBack(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.watches {
		if id != "" && domain.RecordedWatcher(w.state().watcher) == domain.WatcherDigest(id) {
			w.announce()
		}
	}
}

// Unanswered says whether the last probe of a lost scraper got no answer at all.
func (p *Prober) Unanswered(scraper string) bool {
	w := p.watch(scraper)
	return w != nil && w.state().unanswered
}

// Waiting says in words what the recovery of a scraper does: "waits for …".
func (p *Prober) Waiting(scraper string) (string, bool) {
	w := p.watch(scraper)
	if w == nil {
		return "", false
	}
	return "waits " + w.state().String(), true
}

func (p *Prober) watch(scraper string) *watch {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watches[scraper]
}
