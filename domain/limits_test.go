package domain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
)

// nested is a value that is nested so many levels deep.
func nested(levels int) any {
	var value any = 1
	for range levels {
		value = map[string]any{"a": value}
	}
	return value
}

func params(levels int) map[string]any { return nested(levels).(map[string]any) }

func raw(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// text is a string that has so many bytes as JSON in {"a":"…"}.
func text(bytes int) map[string]any {
	return map[string]any{"a": strings.Repeat("x", bytes-len(`{"a":""}`))}
}

func TestALogTakesNoMoreThanItsLimits(t *testing.T) {
	started := domain.Scraper{}.Evolve(domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: "shop", At: time.Unix(1, 0)}, Config: shopConfig()})
	to := domain.ToScraper{Scraper: "shop"}
	configure := func(change func(*domain.ScraperConfig)) domain.ScraperCommand {
		config := shopConfig()
		change(&config)
		return domain.ConfigureScraper{ToScraper: to, Config: config}
	}
	start := func(change func(*domain.StartScrape)) domain.ScraperCommand {
		c := domain.StartScrape{ToScraper: to, Trigger: domain.TriggerManual}
		change(&c)
		return c
	}
	tests := map[string]struct {
		command domain.ScraperCommand
		field   string // empty: taken
	}{
		"params of 32 levels": {configure(func(c *domain.ScraperConfig) { c.Params = params(32) }), ""},
		"params of 33 levels": {configure(func(c *domain.ScraperConfig) { c.Params = params(33) }), "params"},
		"params of 33 levels of lists": {start(func(c *domain.StartScrape) {
			c.Params = raw(map[string]any{"a": json.RawMessage(strings.Repeat("[", 32) + strings.Repeat("]", 32))})
		}), "params"},
		"params of 16 KiB":                    {configure(func(c *domain.ScraperConfig) { c.Params = text(domain.MaxParams) }), ""},
		"params of 16 KiB and a byte":         {configure(func(c *domain.ScraperConfig) { c.Params = text(domain.MaxParams + 1) }), "params"},
		"a configuration of many platforms":   {configure(func(c *domain.ScraperConfig) { c.Platforms = make([]string, 20000) }), ""},
		"a configuration of 64 KiB and more":  {configure(func(c *domain.ScraperConfig) { c.Platforms = make([]string, 25000) }), "name"},
		"a hold-down of a second":             {configure(func(c *domain.ScraperConfig) { c.Recovery.HoldDown = domain.Duration(time.Second) }), ""},
		"no hold-down":                        {configure(func(c *domain.ScraperConfig) { c.Recovery.HoldDown = 0 }), "recovery.hold_down"},
		"a hold-down of less than a second":   {configure(func(c *domain.ScraperConfig) { c.Recovery.HoldDown = domain.Duration(999 * time.Millisecond) }), "recovery.hold_down"},
		"two headers":                         {configure(func(c *domain.ScraperConfig) { c.HeadersEnv = map[string]string{"X-A": "A", "X-B": "A"} }), ""},
		"two spellings of one header":         {configure(func(c *domain.ScraperConfig) { c.HeadersEnv = map[string]string{"X-A": "A", "x-a": "B"} }), "headers_env"},
		"a start with params of 32 levels":    {start(func(c *domain.StartScrape) { c.Params = raw(nested(32)) }), ""},
		"a start with params of 33 levels":    {start(func(c *domain.StartScrape) { c.Params = raw(nested(33)) }), "params"},
		"a start with params of 9,000 levels": {start(func(c *domain.StartScrape) { c.Params = raw(nested(900)) }), "params"},
		"a start with params of 16 KiB":       {start(func(c *domain.StartScrape) { c.Params = raw(text(domain.MaxParams)) }), ""},
		"a start with params of 17 KiB":       {start(func(c *domain.StartScrape) { c.Params = raw(text(domain.MaxParams + 1)) }), "params"},
		"a start with white space in params": {start(func(c *domain.StartScrape) {
			c.Params = json.RawMessage("{" + strings.Repeat(" ", domain.MaxParams) + "}")
		}), ""},
		"a start with params that are a list": {start(func(c *domain.StartScrape) { c.Params = json.RawMessage("[]") }), "params"},
		"a start with params that are cut":    {start(func(c *domain.StartScrape) { c.Params = json.RawMessage(`{"a":`) }), "params"},
		"a start with params that are empty":  {start(func(c *domain.StartScrape) { c.Params = json.RawMessage("") }), "params"},
		"a watcher":                           {start(func(c *domain.StartScrape) { c.Watcher = strings.Repeat("x", domain.MaxWatcher) }), ""},
		"a watcher that is too long":          {start(func(c *domain.StartScrape) { c.Watcher = strings.Repeat("x", domain.MaxWatcher+1) }), "attach"},
		"a watcher of two words":              {start(func(c *domain.StartScrape) { c.Watcher = "a b" }), "attach"},
		"a watcher with a line end":           {start(func(c *domain.StartScrape) { c.Watcher = "a\n" }), "attach"},
		"a watcher beyond ASCII":              {start(func(c *domain.StartScrape) { c.Watcher = "é" }), "attach"},
		"a reason":                            {domain.PauseScraper{ToScraper: to, Reason: strings.Repeat("x", domain.MaxText)}, ""},
		"a reason that is too long":           {domain.PauseScraper{ToScraper: to, Reason: strings.Repeat("x", domain.MaxText+1)}, "reason"},
		"a reason with a line end":            {domain.ResumeScraper{ToScraper: to, Reason: "a\nb"}, "reason"},
		"a reason with an escape":             {domain.RemoveScraper{ToScraper: to, Reason: "\x1b[2J"}, "reason"},
		"a reason that is no UTF-8":           {domain.PauseScraper{ToScraper: to, Reason: "\xff"}, "reason"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			events, err := started.Decide(tt.command, time.Unix(2, 0))
			field, refused := errors.AsType[*domain.FieldError](err)
			switch {
			case tt.field == "" && err != nil:
				t.Fatal(err)
			case tt.field != "" && (!refused || field.Field != tt.field || len(events) > 0):
				t.Fatalf("got %d events and %v, want a *FieldError for %s", len(events), err, tt.field)
			case refused && len(err.Error()) > 300:
				t.Errorf("the message repeats what it refuses: %d bytes", len(err.Error()))
			}
		})
	}
	run := domain.Run{}.Evolve(domain.RunStarted{AboutRun: aboutRun(runID, 1)})
	if _, err := run.Decide(domain.CancelRun{ToRun: domain.ToRun{RunID: runID}, Reason: "a\nb"}, time.Unix(2, 0)); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("cancelling for a reason of two lines: %v", err)
	}
}

// TestARecoveryRunInheritsWhatAnOlderProgramTook: refusing it would leave a loss
// without its recovery.
func TestARecoveryRunInheritsWhatAnOlderProgramTook(t *testing.T) {
	s := domain.Scraper{}.Evolve(domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: "shop", At: time.Unix(1, 0)}, Config: shopConfig()})
	s = s.Evolve(domain.RunStarted{AboutRun: aboutRun(runID, 1)}).Evolve(domain.ConnectionLost{AboutRun: aboutRun(runID, 2)})
	c := domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "shop"}, RunID: otherID, Trigger: domain.TriggerRecovery, Recovers: runID, Params: raw(nested(900)), Watcher: "tab 1"}
	events, err := s.Decide(c, time.Unix(3, 0))
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if started, ok := events[0].(domain.RunStarted); !ok || started.Watcher != domain.WatcherDigest("tab 1") {
		t.Errorf("%+v", events[0])
	}
}

func TestTheLogHoldsADigestOfAWatcher(t *testing.T) {
	s := domain.Scraper{}.Evolve(domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: "shop", At: time.Unix(1, 0)}, Config: shopConfig()})
	digest := domain.WatcherDigest("tab-1")
	for given, want := range map[string]string{"": "", "tab-1": digest, digest: domain.WatcherDigest(digest)} {
		events, err := s.Decide(domain.StartScrape{ToScraper: domain.ToScraper{Scraper: "shop"}, Trigger: domain.TriggerManual, Watcher: given}, time.Unix(2, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got := events[0].(domain.RunStarted).Watcher; got != want || strings.Contains(got, "tab-1") {
			t.Errorf("%q is recorded as %q, want %q", given, got, want)
		}
	}
	if domain.RecordedWatcher(digest) != digest || domain.RecordedWatcher("tab-1") != digest || domain.RecordedWatcher("") != "" {
		t.Error("what is recorded is not read back")
	}
}

func TestTraceparentsAreW3C(t *testing.T) {
	const trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	known := fmt.Sprintf("00-%s-%s-01", trace, span)
	for given, want := range map[string]string{
		known:                               known,
		"cc-" + known[3:] + "-what-follows": known, "cc-" + known[3:]: known,
		known + "-x": "", "ff-" + known[3:]: "", known[:54]: "", known + "1": "", strings.ToUpper(known): "", " " + known: "", known + "\n": "",
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01": "", "00-" + trace + "-" + strings.Repeat("0", 16) + "-01": "",
		"": "", "00": "", "cc-" + known[3:] + "-" + strings.Repeat("x", 30000): "",
	} {
		if got := domain.Traceparent(given); got != want {
			t.Errorf("%.80q is read as %q, want %q", given, got, want)
		}
	}
}

func TestDepthIsCountedOutsideOfText(t *testing.T) {
	for text, want := range map[string]int{
		`1`: 0, `{}`: 1, `{"a":[{}]}`: 3, `{"a":"[[[{{{"}`: 1, `{"a\"[[":"\\"}`: 1, `[[],[[]]]`: 3, `"\\"[[`: 2, strings.Repeat("[", 9000): 9000, `]]]`: 0, ``: 0, `"\`: 0,
	} {
		if got := domain.JSONDepth([]byte(text)); got != want {
			t.Errorf("%.40q is %d levels deep, want %d", text, got, want)
		}
	}
}
