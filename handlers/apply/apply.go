// Package apply brings the log in line with the configuration file, and knows what
// the file says that the log must not hold.
package apply

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/egress"
)

// Log is what File reads of the event store.
type Log interface {
	Guards(ctx context.Context) ([]domain.Guard, error)
	Scrapers(ctx context.Context, names []string) (map[string]eventstore.ScraperState, error)
}

// File is the configuration file in force: the scrapers it manages, and what all
// scrapers may reach. The log keeps configurations without query strings, which
// often carry keys; File keeps the URLs as the file has them. The exported fields
// are required.
type File struct {
	Log    Log
	Handle func(ctx context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error)

	Logger *slog.Logger

	mu       sync.RWMutex
	listener netip.AddrPort
	content  Content
	configs  map[string]domain.ScraperConfig // by name

	refused      string // why the last file that was read was not applied; empty: it was
	refusedSince time.Time
}

// Content is what a configuration file says of scrapers.
type Content struct {
	Scrapers []domain.ScraperConfig
	Access   dial.Access // the secrets that scrapers may name and the networks they may reach

	// Prepare makes ready what else the file changes, and returns what brings it into
	// force. Nothing of a file that it refuses is applied. Optional.
	Prepare func(ctx context.Context) (commit func(), err error)
}

// Set replaces the content, in memory only: see [File.Apply].
func (f *File) Set(content Content) {
	configs := make(map[string]domain.ScraperConfig, len(content.Scrapers))
	for _, c := range content.Scrapers {
		configs[c.Name] = c
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	content.Access.Listener = f.listener
	f.content, f.configs = content, configs
}

// Reload says when the file is read again, and how. The zero value never does.
type Reload struct {
	When <-chan os.Signal
	Load func() (Content, error)
}

// Refused returns since when the file that was read again is not in force, and what is
// wrong with it and where; the zero time: it is in force.
func (f *File) Refused() (since time.Time, why string) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.refusedSince, f.refused
}

func (f *File) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.refused, f.refusedSince = "", time.Time{}
		return
	}
	if f.refused = err.Error(); f.refusedSince.IsZero() {
		f.refusedSince = time.Now()
	}
}

// Follow applies the file each time it is to be read again, until ctx ends. A file that
// cannot be read or is invalid changes nothing.
func (f *File) Follow(ctx context.Context, again Reload) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.When:
		}
		content, err := again.Load()
		commit := func() {}
		if err == nil && content.Prepare != nil {
			commit, err = content.Prepare(ctx)
		}
		if err == nil {
			f.Set(content)
			err = f.Apply(ctx)
			commit()
		}
		f.note(err)
		if err != nil {
			f.Logger.Error("the configuration file was not applied", "error", err)
			continue
		}
		f.Logger.Info("configuration file applied", "scrapers", len(content.Scrapers))
	}
}

// Listen sets the address at which this process listens.
func (f *File) Listen(at netip.AddrPort) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listener, f.content.Access.Listener = at, at
}

// Secrets returns the variables that scrapers made through the API may name.
func (f *File) Secrets() domain.Secrets {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.content.Access.Secrets
}

// Egress returns the rules for what the file itself names, such as channels of notices.
func (f *File) Egress() egress.Rules {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.content.Access.Target(domain.SourceFile, domain.ScraperConfig{}).Egress
}

// TargetBy returns a function that reads a scraper and returns what to dial it with.
func (f *File) TargetBy(read func(ctx context.Context, name string) (domain.Scraper, error)) func(ctx context.Context, name string) (dial.Target, error) {
	return func(ctx context.Context, name string) (dial.Target, error) {
		scraper, err := read(ctx, name)
		if err != nil {
			return dial.Target{}, err
		}
		if scraper.ConfiguredAt.IsZero() {
			return dial.Target{}, fmt.Errorf("scraper %q: %w", name, domain.ErrNotFound)
		}
		return f.TargetOf(scraper), nil
	}
}

// TargetOf returns what to dial a scraper of the log with. Where the log and the
// file agree on its URLs, the target has them as the file does.
func (f *File) TargetOf(scraper domain.Scraper) dial.Target {
	f.mu.RLock()
	defer f.mu.RUnlock()
	config := scraper.Config
	if own, managed := f.configs[config.Name]; managed {
		if redacted := own.Redacted(); redacted.URL == config.URL && redacted.Probe.URL == config.Probe.URL {
			config.URL, config.Probe.URL = own.URL, own.Probe.URL
		}
	}
	return f.content.Access.Target(scraper.Source, config)
}

// Apply records each difference between the file's scrapers and the log, and
// removes the scrapers that left the file. An unchanged scraper adds no event.
func (f *File) Apply(ctx context.Context) error {
	f.mu.RLock()
	scrapers := f.content.Scrapers
	f.mu.RUnlock()
	if err := f.configure(ctx, scrapers); err != nil {
		return err
	}
	return f.remove(ctx)
}

// configure records the scrapers in the file's order.
func (f *File) configure(ctx context.Context, scrapers []domain.ScraperConfig) error {
	commands := make([]domain.ScraperCommand, len(scrapers))
	for i, c := range scrapers {
		commands[i] = domain.ConfigureScraper{ToScraper: domain.ToScraper{Scraper: c.Name}, Source: domain.SourceFile, Config: c.Redacted()}
	}
	return f.record(ctx, commands)
}

// remove removes the scrapers that an earlier file had configured. Scrapers of the API
// stay.
func (f *File) remove(ctx context.Context) error {
	guards, err := f.Log.Guards(ctx)
	if err != nil {
		return err
	}
	var others []string
	for _, guard := range guards {
		if !guard.Removed && !f.manages(guard.Scraper) {
			others = append(others, guard.Scraper)
		}
	}
	scrapers, err := f.Log.Scrapers(ctx, others)
	if err != nil {
		return err
	}
	var commands []domain.ScraperCommand
	for _, name := range others {
		if scraper := scrapers[name]; scraper.Source == domain.SourceFile && scraper.Configured() {
			commands = append(commands, domain.RemoveScraper{ToScraper: domain.ToScraper{Scraper: name}, Source: domain.SourceFile, By: "file", Reason: "left the configuration file"})
		}
	}
	return f.record(ctx, commands)
}

// record handles the commands in their order. Of many it handles up to 256 at once, where
// one commit after the other would take minutes.
func (f *File) record(ctx context.Context, commands []domain.ScraperCommand) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1 + min(len(commands)/10, 255))
	for _, c := range commands {
		group.Go(func() error {
			if _, err := f.Handle(ctx, c, domain.Origin{Actor: "file"}); err != nil {
				return fmt.Errorf("scraper %s: %w", c.ScraperName(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (f *File) manages(name string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, managed := f.configs[name]
	return managed
}
