package projectionstest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Story makes up a log: scrapers that are configured, paused and removed, runs
// that start and end in every way, returns and recoveries, some of which make
// no sense. A fold must not care.
type Story struct {
	*rand.Rand
	open, ended []domain.AboutRun
	clock       time.Time
}

// Events tells the next n events.
func (s *Story) Events(n int) []domain.Event {
	var events []domain.Event
	for len(events) < n {
		s.clock = s.clock.Add(time.Duration(s.Int64N(int64(2 * time.Second)))) // nanoseconds, and sometimes none
		events = append(events, s.next())
	}
	return events
}

func (s *Story) next() domain.Event {
	switch draw := s.IntN(20); {
	case draw < 8 || len(s.open) == 0:
		return s.start()
	case draw < 15:
		return s.end()
	case draw < 17 && len(s.ended) > 0:
		about := s.ended[s.IntN(len(s.ended))]
		about.At = s.clock
		return domain.ConnectionRestored{AboutRun: about, Link: domain.LinkScraper, DownForMS: s.Int64N(9000), NoticedBy: domain.NoticedByAnnounce}
	}
	return s.scraperEvent()
}

func (s *Story) scraper() string { return fmt.Sprintf("s%d", s.IntN(5)) }

func (s *Story) start() domain.Event {
	id, err := uuid.NewRandomFromReader(rngReader{s.Rand})
	if err != nil {
		panic(err)
	}
	e := domain.RunStarted{
		AboutRun: domain.AboutRun{RunID: id, Scraper: s.scraper(), At: s.clock},
		Trigger:  domain.Triggers[s.IntN(len(domain.Triggers))], Instance: fmt.Sprintf("i%d", s.IntN(2)),
	}
	if len(s.ended) > 0 && s.IntN(2) == 0 {
		e.Recovers = s.ended[s.IntN(len(s.ended))].RunID
	}
	if s.IntN(3) == 0 {
		e.DueAt, e.Watcher, e.Params = s.clock.Add(-time.Second), "tab \x00", []byte(`{"a":[1,"\u0000"]}`)
	}
	s.open = append(s.open, e.AboutRun)
	return e
}

func (s *Story) end() domain.Event {
	i := s.IntN(len(s.open))
	about := s.open[i]
	s.open = append(s.open[:i], s.open[i+1:]...)
	s.ended = append(s.ended, about)
	about.At = s.clock
	switch s.IntN(5) {
	case 0:
		return domain.RunCompleted{AboutRun: about, Items: s.Int64N(100), DurationMS: s.Int64N(100), MinItems: s.Int64N(3) * 50, Note: []string{"", "the next page is on another origin", "\x00"}[s.IntN(3)]}
	case 1:
		return domain.RunFailed{AboutRun: about, Code: domain.CodeTimeout, Detail: "x\ny\x00", HTTPStatus: s.IntN(600)}
	case 2:
		return domain.RunCancelled{AboutRun: about, By: "user:\x00", Reason: "\u202e"}
	}
	return domain.ConnectionLost{
		AboutRun: about, Link: domain.LinkScraper, Phase: domain.PhaseStreaming,
		Cause:       []domain.Cause{domain.CauseEOF, domain.CauseEOF, domain.CauseInstanceLost}[s.IntN(3)],
		LastHeardAt: s.clock, LastEvent: []string{"", "progress", "\x00"}[s.IntN(3)], Received: domain.Received{Events: s.Int64N(9), Bytes: s.Int64N(999)},
	}
}

func (s *Story) scraperEvent() domain.Event {
	about := domain.AboutScraper{Scraper: s.scraper(), At: s.clock}
	switch s.IntN(6) {
	case 0:
		return domain.ScraperPaused{AboutScraper: about, By: "user:a", Reason: "r"}
	case 1:
		return domain.ScraperResumed{AboutScraper: about}
	case 2:
		return domain.ScraperRemoved{AboutScraper: about}
	case 3:
		return domain.ScrapeSkipped{AboutScraper: about, Trigger: domain.TriggerSchedule, DueAt: s.clock, Reason: domain.SkipPaused}
	case 4:
		return domain.ScraperOverdue{AboutScraper: about, Within: domain.Duration(time.Minute), LastSuccessAt: s.clock.Add(-time.Minute)}
	}
	config := domain.DefaultScraperConfig()
	config.Expect.SuccessWithin = domain.Duration(s.IntN(3)) * domain.Duration(time.Minute)
	config.Name, config.Schedule, config.Params = about.Scraper, "@every 1m", map[string]any{"z": 1.5, "a": "\x00"}
	config.URL = []string{"http://h:80/x", "HTTP://H/y", "https://h/x", "\x00"}[s.IntN(4)]
	return domain.ScraperConfigured{AboutScraper: about, Source: domain.SourceAPI, Config: config}
}

// rngReader makes ids follow from the seed.
type rngReader struct{ *rand.Rand }

func (r rngReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

// NewStory begins a story from a seed that the test logs.
func NewStory(t *testing.T) *Story {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &Story{Rand: rand.New(rand.NewPCG(seed, 1)), clock: Noon}
}
