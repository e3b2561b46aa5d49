package webtest

import (
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

// Scrapers are the canned scrapers, by name.
func Scrapers() []projections.Scraper {
	return []projections.Scraper{
		scraper("news", "@hourly", func(s *projections.Scraper) {
			s.Paused, s.PausedAt, s.PausedBy, s.PausedReason = true, ago(45*time.Minute), "user:web", Hostile
			s.NextSlot, s.Config.Platforms, s.Config.Params = projections.Time{}, []string{Hostile}, map[string]any{"note": Hostile}
			s.LastRun = projections.LastRun{ID: Failed, Status: domain.StatusFailed, StartedAt: at(ago(50 * time.Minute))}
		}),
		scraper("reviews", "@every 15m", func(s *projections.Scraper) {
			s.Connection = projections.Connection{State: projections.ConnectionLost, Since: at(ago(9*time.Minute + 19*time.Second)), Cause: domain.CauseReset, Link: domain.LinkScraper, Run: Lost}
			s.LostRun, s.AfterRecovery = Lost, true
			s.Streak = domain.Streak{Cause: domain.CauseReset, Runs: 38, ShortestMS: 12_100, LongestMS: 13_300}
			s.LastSkip = projections.Skip{At: ago(5 * time.Minute), Trigger: domain.TriggerSchedule, DueAt: ago(5 * time.Minute), Reason: domain.SkipConnectionLost}
			s.LastRun = projections.LastRun{ID: Lost, Status: domain.StatusConnectionFailed, StartedAt: at(ago(10 * time.Minute))}
		}),
		scraper("shop-prices", "*/15 * * * *", func(s *projections.Scraper) {
			s.OpenRun, s.Instance = Open, "i-7c1"
			s.LastRun = projections.LastRun{ID: Open, Status: domain.StatusRunning, StartedAt: at(ago(95 * time.Second))}
			s.Config.Params, s.Config.HeadersEnv = map[string]any{"depth": 2}, map[string]string{"Authorization": "SHOP_TOKEN"}
		}),
		scraper("stock-levels", "", func(s *projections.Scraper) {
			s.Source, s.NextSlot, s.OpenRun = domain.SourceAPI, projections.Time{}, Attached
			s.LastRun = projections.LastRun{ID: Attached, Status: domain.StatusRunning, StartedAt: at(ago(4 * time.Minute))}
		}),
		scraper("weather", "30 4 * * *", func(s *projections.Scraper) { s.NextSlot = at(Now.Add(16*time.Hour + 30*time.Minute)) }),
	}
}

func scraper(name, schedule string, with func(*projections.Scraper)) projections.Scraper {
	c := domain.DefaultScraperConfig()
	c.Name, c.URL, c.Schedule, c.TimeZone = name, "http://127.0.0.1:9090/scrapes/"+name, schedule, "Europe/Berlin"
	c.Platforms = []string{"alpha", "beta"}
	s := projections.Scraper{
		Name: name, Source: domain.SourceFile, Config: c, ConfiguredAt: ago(48 * time.Hour), NextSlot: at(Now.Add(13*time.Minute + 25*time.Second)),
		Connection: projections.Connection{State: projections.ConnectionUp}, Position: 1,
	}
	with(&s)
	return s
}

func at(t time.Time) projections.Time { return projections.Time{Time: t} }

// origins is the story with scrapers of three origins.
func origins() *Service {
	s := New()
	s.Named[0].Config.URL = "https://news.example.org/scrapes/news"
	s.Named[4].Config.URL = "http://127.0.0.1:9191/scrapes/weather"
	return s
}
