// Package recovery probes lost scrapers and reports when they are back.
//
// A prober sends a probe to each lost scraper every probe.interval. The first good
// answer restores the connection, with one exception: if a recovery run was lost
// within recovery.hold_down of its start, the scraper accepts probes and drops
// streams, so every probe of a whole hold-down must succeed first. There is no counter
// and no back-off. A hold-down is kept in memory and starts again with the prober.
package recovery

import (
	"cmp"
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
	// Poll is how often the prober looks for lost scrapers when nothing wakes it.
	Poll = time.Second
	// AtOnce limits the probes under way at once, and PerSecond the probes that begin
	// in a second. The return of ten thousand scrapers must not look to them like an
	// attack, and probing must leave time to record their losses. If more scrapers are
	// lost, each is probed less often. AtOnce probes more may be under way to scrapers
	// whose last probe hung: such a probe takes five seconds, and others do not wait
	// for it.
	AtOnce    = 256
	PerSecond = 2000
	// ManyLost is how many connections that are lost together delay all probes: recording
	// the losses comes first, and a scraper that was lost a moment ago is rarely back.
	// Probes wait until fewer are lost within CalmAfter, and for calmAtMost at most.
	ManyLost   = 64
	CalmAfter  = 250 * time.Millisecond
	calmAtMost = 30 * time.Second
	// hangs is the time after which an unanswered probe counts as hung: the scraper is
	// silent or the host is unreachable. A refusal comes at once.
	hangs = time.Second
)

// Prober watches every scraper whose connection is down. All fields are required.
type Prober struct {
	Lost    func(ctx context.Context) ([]domain.Guard, error) // the guards of scrapers whose connection is down
	LoadRun func(ctx context.Context, id uuid.UUID) (domain.Run, error)
	// Config is called before every probe. It should not need the database.
	Config func(ctx context.Context, scraper string) (dial.Target, error)
	// Ask sends one probe. answered is true for any answer, back only for an answer
	// which means that the scraper can be scraped.
	Ask     func(ctx context.Context, c dial.Target) (back, answered bool, err error)
	Watcher func(id string) bool // reports whether this watcher's stream is open
	Handle  func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)
	Wake    func() (<-chan struct{}, func())
	Logger  *slog.Logger

	mu        sync.Mutex
	watches   map[string]*watch // by scraper
	refreshes int               // how often they were compared with the lost scrapers
	places    chan struct{}     // one for each probe that may be under way
	hanging   chan struct{}     // the same for probes that are expected to hang
	pace      *rate.Limiter     // limits how many begin in a second
	calm      chan struct{}     // closed when many connections are no longer being lost; nil: they are not
	begun     int               // watches that began since many connections were last found lost
	stormed   time.Time         // when they were
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
		lost, err := p.refresh(ctx, &watching)
		if err != nil && ctx.Err() == nil {
			p.Logger.Error("lost scrapers not read, retrying", "error", err)
		}
		if !eventstore.Rest(ctx, began, lost) {
			return nil
		}
		var over <-chan time.Time // when many may no longer be being lost
		if p.calm != nil {
			over = time.After(CalmAfter)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-ticker.C:
		case <-over:
		}
	}
}

// refresh begins a watch for every loss without one, and ends the watches whose loss
// was restored or superseded. It returns how many scrapers are lost.
func (p *Prober) refresh(ctx context.Context, watching *sync.WaitGroup) (int, error) {
	lost, err := p.Lost(ctx)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refreshes++
	begun := 0
	for _, guard := range lost {
		current := p.watches[guard.Scraper]
		if current == nil || current.run != guard.LostRun {
			if current != nil {
				current.cancel()
			}
			current = p.begin(ctx, guard, watching)
			begun++
		}
		current.found = p.refreshes
	}
	p.await(begun)
	for scraper, current := range p.watches {
		if current.found != p.refreshes {
			current.cancel()
			delete(p.watches, scraper)
		}
	}
	return len(lost), nil
}

// await lets probes wait while many connections are being lost. The caller must hold
// p.mu.
func (p *Prober) await(begun int) {
	p.begun += begun
	switch {
	case p.begun >= ManyLost:
		p.begun, p.stormed = 0, time.Now()
		if p.calm == nil {
			p.calm = make(chan struct{})
		}
	case time.Since(p.stormed) >= CalmAfter:
		p.begun = 0
		if p.calm != nil {
			close(p.calm)
			p.calm = nil
		}
	}
}

// calming returns the channel that is closed when many connections are no longer being
// lost; nil: they are not.
func (p *Prober) calming() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calm
}

func (p *Prober) begin(ctx context.Context, guard domain.Guard, watching *sync.WaitGroup) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{prober: p, scraper: guard.Scraper, run: guard.LostRun, cancel: cancel, sooner: make(chan domain.NoticedBy, 1)}
	if p.watches == nil {
		p.watches = map[string]*watch{}
	}
	p.watches[guard.Scraper] = w
	watching.Go(func() {
		defer cancel()
		w.loop(ctx)
	})
	return w
}

// Announce reports that scrapers are up. Lost ones among them are probed at once, each
// at most once a second because of announcements.
func (p *Prober) Announce(scrapers []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range scrapers {
		if w := p.watches[name]; w != nil {
			w.probeNow(domain.NoticedByAnnounce)
		}
	}
}

// ProbeNow probes a scraper at once if it is lost, at most once a second.
func (p *Prober) ProbeNow(scraper string) {
	if w := p.watch(scraper); w != nil {
		w.probeNow(domain.NoticedByProbe)
	}
}

// WatcherBack reports that a watcher's stream is open. Scrapers of runs that were lost
// with this watcher are probed at once.
func (p *Prober) WatcherBack(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.watches {
		if id != "" && domain.RecordedWatcher(w.state().watcher) == domain.WatcherDigest(id) {
			w.probeNow(domain.NoticedByAnnounce)
		}
	}
}

// Unanswered reports whether the last probe of a lost scraper got no answer.
func (p *Prober) Unanswered(scraper string) bool {
	w := p.watch(scraper)
	return w != nil && w.state().unanswered
}

// Waiting returns in words what the recovery of a scraper waits for, as in "waits for
// …". It returns false if the scraper is not lost.
func (p *Prober) Waiting(scraper string) (string, bool) {
	w := p.watch(scraper)
	if w == nil {
		return "", false
	}
	return "waits " + cmp.Or(w.state().String(), "for the first probe"), true
}

func (p *Prober) watch(scraper string) *watch {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.watches[scraper]
}
