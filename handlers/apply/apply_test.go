package apply

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/dial"
)

// memory is a log of scrapers, and the commands it was given.
type memory struct {
	mu       sync.Mutex
	scrapers map[string]domain.Scraper
	given    []string
}

func (m *memory) Guards(context.Context) (guards []domain.Guard, err error) {
	for name := range m.scrapers {
		guards = append(guards, domain.Guard{Scraper: name})
	}
	slices.SortFunc(guards, func(a, b domain.Guard) int { return len(a.Scraper) - len(b.Scraper) })
	return guards, nil
}

func (m *memory) scraper(_ context.Context, name string) (domain.Scraper, error) {
	return m.scrapers[name], nil
}

func (m *memory) Scrapers(_ context.Context, names []string) (map[string]eventstore.ScraperState, error) {
	states := map[string]eventstore.ScraperState{}
	for _, name := range names {
		states[name] = eventstore.ScraperState{Scraper: m.scrapers[name]}
	}
	return states, nil
}

func (m *memory) handle(_ context.Context, c domain.Command, by domain.Origin) ([]eventstore.Recorded, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch c := c.(type) {
	case domain.ConfigureScraper:
		m.given = append(m.given, by.Actor+" configures "+c.Scraper+" "+c.Config.URL)
		m.scrapers[c.Scraper] = scraperOf(c.Config, domain.SourceFile)
	case domain.RemoveScraper:
		m.given = append(m.given, by.Actor+" removes "+c.Scraper)
		delete(m.scrapers, c.Scraper)
	default:
		return nil, errors.New("not a command of a configuration file")
	}
	return nil, nil
}

func scraperOf(config domain.ScraperConfig, source domain.Source) domain.Scraper {
	return domain.Scraper{Guard: domain.Guard{Scraper: config.Name}, Source: source, Config: config, ConfiguredAt: time.Unix(1, 0)}
}

func config(name, url string) domain.ScraperConfig {
	c := domain.DefaultScraperConfig()
	c.Name, c.URL = name, url
	return c
}

func TestApply(t *testing.T) {
	log := &memory{scrapers: map[string]domain.Scraper{
		"left":   scraperOf(config("left", "http://h/left"), domain.SourceFile),
		"by-api": scraperOf(config("by-api", "http://h/api"), domain.SourceAPI),
	}}
	f := &File{Log: log, Handle: log.handle}
	f.Set(Content{Scrapers: []domain.ScraperConfig{config("shop", "http://h/shop?key=secret")}})
	if err := f.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"file configures shop http://h/shop", "file removes left"}
	if !slices.Equal(log.given, want) {
		t.Errorf("got %q, want %q", log.given, want)
	}
}

func TestTargetHasTheURLOfTheFile(t *testing.T) {
	log := &memory{scrapers: map[string]domain.Scraper{}}
	f := &File{Log: log, Handle: log.handle}
	f.Set(Content{Scrapers: []domain.ScraperConfig{config("shop", "http://h/shop?key=secret")}})
	if err := f.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	of := f.TargetBy(log.scraper)
	if target, err := of(t.Context(), "shop"); err != nil || target.URL != "http://h/shop?key=secret" {
		t.Errorf("%q, %v", target.URL, err)
	}
	log.scrapers["shop"] = scraperOf(config("shop", "http://elsewhere/"), domain.SourceFile)
	if target, err := of(t.Context(), "shop"); err != nil || target.URL != "http://elsewhere/" {
		t.Errorf("where log and file differ: %q, %v", target.URL, err)
	}
	if _, err := of(t.Context(), "nope"); !errors.Is(err, domain.ErrNotFound) {
		t.Error(err)
	}
}

func TestANewContentKeepsTheListener(t *testing.T) {
	f := &File{}
	f.Listen(netip.MustParseAddrPort("127.0.0.1:8080"))
	f.Set(Content{Access: dial.Access{Secrets: domain.Secrets{"TOKEN": nil}}})
	if _, listed := f.Secrets()["TOKEN"]; !listed || f.TargetOf(domain.Scraper{}).Egress.Own.Port() != 8080 {
		t.Error("the listener or the secrets are lost")
	}
}

// TestFollow: a file that is read again replaces the first for good, also for an instance
// that begins again; one that cannot be read changes nothing.
func TestFollow(t *testing.T) {
	log := &memory{scrapers: map[string]domain.Scraper{}}
	f := &File{Log: log, Handle: log.handle, Logger: slog.New(slog.DiscardHandler)}
	f.Set(Content{Scrapers: []domain.ScraperConfig{config("old", "http://h/old")}})
	if err := f.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	hups, loads := make(chan os.Signal), 0
	go func() {
		for range 3 {
			hups <- syscall.SIGHUP
		}
		stop()
	}()
	err := f.Follow(ctx, Reload{When: hups, Load: func() (Content, error) {
		switch loads++; loads {
		case 2:
			return Content{}, errors.New("line 3, column 7")
		case 3:
			if since, why := f.Refused(); since.IsZero() || why != "line 3, column 7" {
				t.Errorf("refused since %s: %q", since, why)
			}
		}
		return Content{Scrapers: []domain.ScraperConfig{config("new", "http://h/new")}}, nil
	}})
	if err != nil || loads != 3 {
		t.Errorf("%d loads, %v", loads, err)
	}
	if since, why := f.Refused(); !since.IsZero() || why != "" {
		t.Errorf("after a good file still refused since %s: %s", since, why)
	}
	if err := f.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"file configures old http://h/old", "file configures new http://h/new", "file removes old",
		"file configures new http://h/new", "file configures new http://h/new",
	}
	if !slices.Equal(log.given, want) {
		t.Errorf("got %q, want %q", log.given, want)
	}
}
