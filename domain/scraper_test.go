package domain_test

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

func aboutScraper(seconds float64) domain.AboutScraper {
	return domain.AboutScraper{Scraper: shop, At: at(seconds)}
}

func aboutUser(seconds float64) domain.AboutUser {
	return domain.AboutUser{UserID: userID, By: "user:" + userID.String(), At: at(seconds)}
}

var userID = uuid.MustParse("0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d99")

var toScraper = domain.ToScraper{Scraper: shop}

func shopConfig() domain.ScraperConfig {
	c := domain.DefaultScraperConfig()
	c.Name, c.URL, c.Schedule = shop, "http://127.0.0.1:9090/scrapes/shop-prices", "@every 60s"
	return c
}

func configured(change func(*domain.ScraperConfig)) domain.ScraperConfigured {
	c := shopConfig()
	if change != nil {
		change(&c)
	}
	return domain.ScraperConfigured{AboutScraper: aboutScraper(-60), Source: domain.SourceAPI, Config: c}
}

var (
	paused  = domain.ScraperPaused{AboutScraper: aboutScraper(45), By: "user:ada", Reason: "maintenance"}
	resumed = domain.ScraperResumed{AboutScraper: aboutScraper(70), By: "user:ada"}
	removed = domain.ScraperRemoved{AboutScraper: aboutScraper(45), By: "user:ada"}

	thirdRan  = domain.RunStarted{AboutRun: aboutRun(thirdID, 90), Trigger: domain.TriggerManual, Instance: "i1"}
	thirdLost = domain.ConnectionLost{AboutRun: aboutRun(thirdID, 95), Link: domain.LinkScraper, Phase: domain.PhaseStreaming, Cause: domain.CauseReset}
)

func start(trigger domain.Trigger, change func(*domain.StartScrape)) domain.StartScrape {
	c := domain.StartScrape{ToScraper: toScraper, RunID: otherID, Trigger: trigger, Instance: "i1"}
	if change != nil {
		change(&c)
	}
	return c
}

func began(trigger domain.Trigger, change func(*domain.RunStarted)) []domain.Event {
	e := domain.RunStarted{AboutRun: aboutRun(otherID, 120), Trigger: trigger, Instance: "i1"}
	if change != nil {
		change(&e)
	}
	return events(e)
}

func skipped(trigger domain.Trigger, reason domain.SkipReason, change func(*domain.ScrapeSkipped)) []domain.Event {
	e := domain.ScrapeSkipped{AboutScraper: aboutScraper(120), Trigger: trigger, Reason: reason}
	if change != nil {
		change(&e)
	}
	return events(e)
}

type scraperRule struct {
	given  []domain.Event
	when   domain.ScraperCommand
	at     float64 // seconds after noon; 120 if it is not said
	then   []domain.Event
	refuse error
}

func (r scraperRule) run(t *testing.T) {
	var s domain.Scraper
	for _, e := range r.given {
		s = s.Evolve(e)
	}
	got, err := s.Decide(r.when, at(cmp.Or(r.at, 120)))
	check(t, got, err, r.then, r.refuse)
}

func TestManualStarts(t *testing.T) {
	for name, rule := range map[string]scraperRule{
		"a configured scraper starts":                       {given: events(configured(nil)), when: start(domain.TriggerManual, nil), then: began(domain.TriggerManual, nil)},
		"an unknown scraper does not start":                 {when: start(domain.TriggerManual, nil), refuse: domain.ErrNotFound},
		"a removed scraper does not start":                  {given: events(configured(nil), removed), when: start(domain.TriggerManual, nil), refuse: domain.ErrNotFound},
		"a paused scraper refuses":                          {given: events(configured(nil), paused), when: start(domain.TriggerManual, nil), refuse: domain.ErrConflict},
		"a scraper with an open run refuses":                {given: events(configured(nil), started), when: start(domain.TriggerManual, nil), refuse: domain.ErrConflict},
		"a start is allowed while the connection is lost":   {given: events(configured(nil), started, lost), when: start(domain.TriggerManual, nil), then: began(domain.TriggerManual, nil)},
		"a scraper starts again once its run has completed": {given: events(configured(nil), started, completed), when: start(domain.TriggerManual, nil), then: began(domain.TriggerManual, nil)},
		"a scraper starts again once its run has failed":    {given: events(configured(nil), started, failed), when: start(domain.TriggerManual, nil), then: began(domain.TriggerManual, nil)},
		"a scraper starts again once its run was cancelled": {given: events(configured(nil), started, cancelled), when: start(domain.TriggerManual, nil), then: began(domain.TriggerManual, nil)},
		"the end of another run leaves the open one open":   {given: events(configured(nil), thirdRan, completed), when: start(domain.TriggerManual, nil), refuse: domain.ErrConflict},
		"a removed scraper that is configured again starts": {given: events(configured(nil), removed, configured(nil)), when: start(domain.TriggerManual, nil), then: began(domain.TriggerManual, nil)},
		"an unknown trigger is invalid":                     {given: events(configured(nil)), when: start("whim", nil), refuse: domain.ErrInvalid},
	} {
		t.Run(name, rule.run)
	}
}

func TestARefusedStartNamesTheOpenRun(t *testing.T) {
	s := domain.Scraper{}.Evolve(configured(nil)).Evolve(started)
	_, err := s.Decide(start(domain.TriggerManual, nil), noon)
	open, ok := errors.AsType[*domain.RunOpenError](err)
	if !ok || open.RunID != runID {
		t.Fatalf("refusal %v does not name run %s", err, runID)
	}
}

func TestSlots(t *testing.T) {
	slot := func(seconds float64, unanswered bool) domain.StartScrape {
		return start(domain.TriggerSchedule, func(c *domain.StartScrape) { c.DueAt, c.Unanswered = at(seconds), unanswered })
	}
	startedFor := func(seconds float64) []domain.Event {
		return began(domain.TriggerSchedule, func(e *domain.RunStarted) { e.DueAt = at(seconds) })
	}
	skippedFor := func(seconds float64, reason domain.SkipReason) []domain.Event {
		return skipped(domain.TriggerSchedule, reason, func(e *domain.ScrapeSkipped) { e.DueAt = at(seconds) })
	}
	earlier := func(reason domain.SkipReason) domain.Event {
		return domain.ScrapeSkipped{AboutScraper: aboutScraper(60), Trigger: domain.TriggerSchedule, DueAt: at(60), Reason: reason}
	}
	ran := domain.RunStarted{AboutRun: aboutRun(runID, 60), Trigger: domain.TriggerSchedule, DueAt: at(60), Instance: "i1"}
	noRecovery := configured(func(c *domain.ScraperConfig) { c.Recovery.Enabled = false })

	for name, rule := range map[string]scraperRule{
		"a due slot starts":                              {given: events(configured(nil)), when: slot(60, false), then: startedFor(60)},
		"a slot is claimed once":                         {given: events(configured(nil), ran, completed), when: slot(60, false)},
		"a slot before a claimed one is gone":            {given: events(configured(nil), ran, completed), when: slot(30, false)},
		"a slot is skipped while a run is open":          {given: events(configured(nil), started), when: slot(60, false), then: skippedFor(60, domain.SkipRunOpen)},
		"a slot is skipped while paused":                 {given: events(configured(nil), paused), when: slot(60, false), then: skippedFor(60, domain.SkipPaused)},
		"slots of one gap leave one trace":               {given: events(configured(nil), started, earlier(domain.SkipRunOpen)), when: slot(120, false)},
		"a gap with another reason leaves its own trace": {given: events(configured(nil), started, earlier(domain.SkipRunOpen), lost), when: slot(120, true), then: skippedFor(120, domain.SkipConnectionLost)},
		"after the gap the slot starts":                  {given: events(configured(nil), started, earlier(domain.SkipRunOpen), completed), when: slot(120, false), then: startedFor(120)},
		"a start ends the gap":                           {given: events(configured(nil), started, earlier(domain.SkipRunOpen), completed, thirdRan), when: slot(120, false), then: skippedFor(120, domain.SkipRunOpen)},
		"a pause begins another gap":                     {given: events(configured(nil), started, earlier(domain.SkipRunOpen), paused), when: slot(120, false), then: skippedFor(120, domain.SkipRunOpen)},
		"the end of a pause begins another gap":          {given: events(configured(nil), started, paused, earlier(domain.SkipRunOpen), resumed), when: slot(120, false), then: skippedFor(120, domain.SkipRunOpen)},
		"a second pause is another gap":                  {given: events(configured(nil), paused, earlier(domain.SkipPaused), resumed, paused), when: slot(120, false), then: skippedFor(120, domain.SkipPaused)},
		"a slot gives way to the recovery run":           {given: events(configured(nil), started, lost), when: slot(60, true), then: skippedFor(60, domain.SkipConnectionLost)},
		"a slot starts when the last probe was answered": {given: events(configured(nil), started, lost), when: slot(60, false), then: startedFor(60)},
		"a slot starts when recovery is off":             {given: events(noRecovery, started, lost), when: slot(60, true), then: startedFor(60)},
		"a slot starts once the connection is restored":  {given: events(configured(nil), started, lost, restored), when: slot(60, true), then: startedFor(60)},
		"an older loss that is restored says nothing":    {given: events(configured(nil), started, lost, thirdRan, thirdLost, restored), when: slot(120, true), then: skippedFor(120, domain.SkipConnectionLost)},
		"a removed scraper has no slots":                 {given: events(configured(nil), removed), when: slot(60, false)},
	} {
		t.Run(name, rule.run)
	}
}

func TestRecovery(t *testing.T) {
	recover := start(domain.TriggerRecovery, func(c *domain.StartScrape) { c.Recovers = runID })
	afterPause := start(domain.TriggerRecovery, nil)
	begins := began(domain.TriggerRecovery, func(e *domain.RunStarted) { e.Recovers = runID })
	skips := func(reason domain.SkipReason) []domain.Event {
		return skipped(domain.TriggerRecovery, reason, func(e *domain.ScrapeSkipped) { e.Recovers = runID })
	}
	noRecovery := configured(func(c *domain.ScraperConfig) { c.Recovery.Enabled = false })
	newer := domain.RunStarted{AboutRun: aboutRun(thirdID, 55), Trigger: domain.TriggerManual, Instance: "i1"}
	newerDone := domain.RunCompleted{AboutRun: aboutRun(thirdID, 58)}
	newerLost := domain.ConnectionLost{AboutRun: aboutRun(thirdID, 58), Link: domain.LinkScraper, Cause: domain.CauseEOF}

	for name, rule := range map[string]scraperRule{
		"a restored connection starts a run that recovers it":     {given: events(configured(nil), started, lost, restored), when: recover, then: begins},
		"while paused the start is skipped":                       {given: events(configured(nil), started, lost, paused, restored), when: recover, then: skips(domain.SkipPaused)},
		"while another run is open the start is skipped":          {given: events(configured(nil), started, lost, restored, newer), when: recover, then: skips(domain.SkipRunOpen)},
		"a newer run that has ended stood in its place":           {given: events(configured(nil), started, lost, restored, newer, newerDone), when: recover, then: skips(domain.SkipRunOpen)},
		"a newer run that was lost will be recovered instead":     {given: events(configured(nil), started, lost, restored, newer, newerLost), when: recover, then: skips(domain.SkipConnectionLost)},
		"with recovery off the start is skipped":                  {given: events(noRecovery, started, lost, restored), when: recover, then: skips(domain.SkipRecoveryDisabled)},
		"a removed scraper is not recovered":                      {given: events(configured(nil), started, lost, restored, removed), when: recover, then: skips(domain.SkipRemoved)},
		"the end of a pause starts the run that was held back":    {given: events(configured(nil), started, lost, paused, restored, resumed), when: afterPause, then: begins},
		"the end of a pause starts nothing while still lost":      {given: events(configured(nil), started, lost, paused, resumed), when: afterPause},
		"the end of a pause starts nothing when nothing was lost": {given: events(configured(nil), paused, resumed), when: afterPause},
		"the end of a pause starts nothing when superseded":       {given: events(configured(nil), started, lost, restored, newer, newerDone, paused, resumed), when: afterPause},
		"the end of a pause starts nothing when recovery is off":  {given: events(noRecovery, started, lost, paused, restored, resumed), when: afterPause},
	} {
		t.Run(name, rule.run)
	}
}

func TestConfiguration(t *testing.T) {
	configure := func(source domain.Source, change func(*domain.ScraperConfig)) domain.ConfigureScraper {
		c := shopConfig()
		if change != nil {
			change(&c)
		}
		return domain.ConfigureScraper{ToScraper: toScraper, Source: source, Config: c}
	}
	faster := func(c *domain.ScraperConfig) { c.Schedule = "@every 30s" }
	event := func(source domain.Source, change func(*domain.ScraperConfig)) domain.ScraperConfigured {
		c := configure(source, change)
		return domain.ScraperConfigured{AboutScraper: aboutScraper(120), Source: source, Config: c.Config}
	}
	fromFile := event(domain.SourceFile, nil)
	keyed := func(c *domain.ScraperConfig) { c.URL += "?key=canary" }

	for name, rule := range map[string]scraperRule{
		"a new scraper is configured":                   {when: configure(domain.SourceAPI, nil), then: events(event(domain.SourceAPI, nil))},
		"the same configuration again is nothing new":   {given: events(configured(nil)), when: configure(domain.SourceAPI, nil)},
		"a difference is recorded":                      {given: events(configured(nil)), when: configure(domain.SourceAPI, faster), then: events(event(domain.SourceAPI, faster))},
		"the API does not change what the file manages": {given: events(fromFile), when: configure(domain.SourceAPI, faster), refuse: domain.ErrConflict},
		"the file takes over what the API made":         {given: events(configured(nil)), when: configure(domain.SourceFile, nil), then: events(fromFile)},
		"a removed scraper can be configured again":     {given: events(configured(nil), removed), when: configure(domain.SourceAPI, nil), then: events(event(domain.SourceAPI, nil))},
		"the API takes over a name the file gave up":    {given: events(fromFile, removed), when: configure(domain.SourceAPI, nil), then: events(event(domain.SourceAPI, nil))},
		"an invalid configuration is refused":           {when: configure(domain.SourceAPI, func(c *domain.ScraperConfig) { c.URL = "shop" }), refuse: domain.ErrInvalid},
		"a query string does not enter the log":         {when: configure(domain.SourceAPI, keyed), refuse: domain.ErrInvalid},
		"a pause is recorded":                           {given: events(configured(nil)), when: domain.PauseScraper{ToScraper: toScraper, By: "user:ada", Reason: "maintenance"}, at: 45, then: events(paused)},
		"pausing twice is nothing new":                  {given: events(configured(nil), paused), when: domain.PauseScraper{ToScraper: toScraper}},
		"a pause survives a new configuration":          {given: events(configured(nil), paused, fromFile), when: domain.PauseScraper{ToScraper: toScraper}},
		"a resume is recorded":                          {given: events(configured(nil), paused), when: domain.ResumeScraper{ToScraper: toScraper, By: "user:ada"}, at: 70, then: events(resumed)},
		"resuming what is not paused is nothing new":    {given: events(configured(nil)), when: domain.ResumeScraper{ToScraper: toScraper}},
		"a removed scraper cannot be paused":            {given: events(configured(nil), removed), when: domain.PauseScraper{ToScraper: toScraper}, refuse: domain.ErrNotFound},
		"an unknown scraper cannot be paused":           {when: domain.PauseScraper{ToScraper: toScraper}, refuse: domain.ErrNotFound},
		"a removal is recorded":                         {given: events(configured(nil)), when: domain.RemoveScraper{ToScraper: toScraper, Source: domain.SourceAPI, By: "user:ada"}, at: 45, then: events(removed)},
		"removing twice is nothing new":                 {given: events(configured(nil), removed), when: domain.RemoveScraper{ToScraper: toScraper, Source: domain.SourceAPI}},
		"the API does not remove what the file manages": {given: events(fromFile), when: domain.RemoveScraper{ToScraper: toScraper, Source: domain.SourceAPI}, refuse: domain.ErrConflict},
	} {
		t.Run(name, rule.run)
	}
}

func TestRescrapeAsksForTheSameRunEachTime(t *testing.T) {
	eventID := uuid.MustParse("01990000-0000-7000-8000-0000000000aa")
	first := domain.Rescrape(restored, eventID)
	second := domain.Rescrape(restored, eventID)
	if len(first) != 1 || len(second) != 1 {
		t.Fatalf("commands: %v, %v; want one each", first, second)
	}
	a, b := first[0].(domain.StartScrape), second[0].(domain.StartScrape)
	if a.RunID != b.RunID || a.RunID == uuid.Nil {
		t.Errorf("run ids %s and %s; want the same", a.RunID, b.RunID)
	}
	if a.Trigger != domain.TriggerRecovery || a.Recovers != runID {
		t.Errorf("command %+v does not recover run %s", a, runID)
	}
	if other := domain.Rescrape(restored, otherID)[0].(domain.StartScrape); other.RunID == a.RunID {
		t.Error("another event asks for the same run")
	}
}

func TestRescrapeAnswersNothingElse(t *testing.T) {
	for _, e := range events(started, lost, completed, failed, cancelled, configured(nil), paused, removed, skipped(domain.TriggerSchedule, domain.SkipPaused, nil)[0]) {
		if got := domain.Rescrape(e, runID); got != nil {
			t.Errorf("%s asks for %v", e.EventType(), got)
		}
	}
}

func TestSlotRunIDFollowsFromScraperAndSlot(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	if domain.SlotRunID(shop, noon) != domain.SlotRunID(shop, noon.In(berlin)) {
		t.Error("the zone changes the id")
	}
	if domain.SlotRunID(shop, noon) == domain.SlotRunID(shop, at(1)) || domain.SlotRunID(shop, noon) == domain.SlotRunID("other", noon) {
		t.Error("two slots share an id")
	}
}
