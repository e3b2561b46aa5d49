package projectionstest

import (
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Constants of the stories.
var (
	RunA, RunB = uuid.MustParse("00000000-0000-7000-8000-00000000000a"), uuid.MustParse("00000000-0000-7000-8000-00000000000b")
	Noon       = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func At(seconds float64) time.Time { return Noon.Add(time.Duration(seconds * float64(time.Second))) }

func About(run uuid.UUID, seconds float64) domain.AboutRun {
	return domain.AboutRun{RunID: run, Scraper: "shop", At: At(seconds)}
}

func AboutShop(seconds float64) domain.AboutScraper {
	return domain.AboutScraper{Scraper: "shop", At: At(seconds)}
}

func Started(run uuid.UUID, seconds float64) domain.RunStarted {
	return domain.RunStarted{AboutRun: About(run, seconds), Trigger: domain.TriggerManual, Instance: "i1"}
}

func Lost(run uuid.UUID, seconds float64) domain.ConnectionLost {
	return domain.ConnectionLost{
		AboutRun: About(run, seconds), Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset,
		Detail: "connection reset by peer", LastHeardAt: At(seconds - 0.5), Received: domain.Received{Events: 3, Bytes: 120},
	}
}

func Restored(run uuid.UUID, seconds float64) domain.ConnectionRestored {
	return domain.ConnectionRestored{AboutRun: About(run, seconds), Link: domain.LinkScraper, DownForMS: 2000, NoticedBy: domain.NoticedByProbe}
}

func Recovers(run, lostRun uuid.UUID, seconds float64) domain.RunStarted {
	e := Started(run, seconds)
	e.Trigger, e.Recovers = domain.TriggerRecovery, lostRun
	return e
}

func Completed(run uuid.UUID, seconds float64, items int64) domain.RunCompleted {
	return domain.RunCompleted{AboutRun: About(run, seconds), Items: items, DurationMS: int64(seconds * 1000)}
}

func Configured(seconds float64) domain.ScraperConfigured {
	config := domain.DefaultScraperConfig()
	config.Name, config.URL, config.Schedule = "shop", "http://127.0.0.1:9090/scrapes/shop", "@every 15m"
	return domain.ScraperConfigured{AboutScraper: AboutShop(seconds), Source: domain.SourceFile, Config: config}
}

// Told is a log with a run lost and recovered.
func Told() []domain.Event {
	return []domain.Event{
		Configured(0), Started(RunA, 1), Lost(RunA, 2), Restored(RunA, 4), Recovers(RunB, RunA, 4), Completed(RunB, 9, 7),
		domain.ScraperPaused{AboutScraper: AboutShop(10), By: "user:ann", Reason: "no"},
	}
}
