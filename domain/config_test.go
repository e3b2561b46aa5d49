package domain_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"scrapelog/domain"
)

func TestDefaults(t *testing.T) {
	data, err := json.Marshal(domain.DefaultScraperConfig())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"","url":"","time_zone":"UTC","jitter":"0s","catch_up":"one","connect_timeout":"5s","start_timeout":"10s",` +
		`"idle_timeout":"45s","max_duration":"2h","probe":{"interval":"1s"},"recovery":{"enabled":true,"hold_down":"10s"}}`
	if string(data) != want {
		t.Errorf("defaults\n%s, want\n%s", data, want)
	}
}

func TestInvalidConfigurations(t *testing.T) {
	long := strings.Repeat("a", 64)
	for name, c := range map[string]struct {
		change func(*domain.ScraperConfig)
		field  string
	}{
		"an empty name":             {func(c *domain.ScraperConfig) { c.Name = "" }, "name"},
		"a name in capitals":        {func(c *domain.ScraperConfig) { c.Name = "Shop" }, "name"},
		"a name of 64 letters":      {func(c *domain.ScraperConfig) { c.Name = long }, "name"},
		"a name with a line feed":   {func(c *domain.ScraperConfig) { c.Name = "shop\n" }, "name"},
		"no URL":                    {func(c *domain.ScraperConfig) { c.URL = "" }, "url"},
		"a relative URL":            {func(c *domain.ScraperConfig) { c.URL = "/scrapes/shop" }, "url"},
		"another scheme":            {func(c *domain.ScraperConfig) { c.URL = "ftp://shop/" }, "url"},
		"a URL without a host":      {func(c *domain.ScraperConfig) { c.URL = "http://:80/" }, "url"},
		"credentials in the URL":    {func(c *domain.ScraperConfig) { c.URL = "http://me:canary@shop/" }, "url"},
		"a fragment in the URL":     {func(c *domain.ScraperConfig) { c.URL = "http://shop/#top" }, "url"},
		"a control byte in the URL": {func(c *domain.ScraperConfig) { c.URL = "http://shop/\x00canary" }, "url"},
		"a cron of four fields":     {func(c *domain.ScraperConfig) { c.Schedule = "* * * *" }, "schedule"},
		"a minute past 59":          {func(c *domain.ScraperConfig) { c.Schedule = "99 * * * *" }, "schedule"},
		"a zone inside the cron":    {func(c *domain.ScraperConfig) { c.Schedule = "TZ=UTC 0 0 * * *" }, "schedule"},
		"both kinds of day":         {func(c *domain.ScraperConfig) { c.Schedule = "0 0 13 * 5" }, "schedule"},
		"a day that never comes":    {func(c *domain.ScraperConfig) { c.Schedule = "0 0 30 2 *" }, "schedule"},
		"every nothing":             {func(c *domain.ScraperConfig) { c.Schedule = "@every" }, "schedule"},
		"every zero":                {func(c *domain.ScraperConfig) { c.Schedule = "@every 0s" }, "schedule"},
		"every minus a minute":      {func(c *domain.ScraperConfig) { c.Schedule = "@every -1m" }, "schedule"},
		"an unknown descriptor":     {func(c *domain.ScraperConfig) { c.Schedule = "@sometimes" }, "schedule"},
		"a zone that is not":        {func(c *domain.ScraperConfig) { c.TimeZone = "Mars/Olympus" }, "time_zone"},
		"the machine's own zone":    {func(c *domain.ScraperConfig) { c.TimeZone = "Local" }, "time_zone"},
		"negative jitter":           {func(c *domain.ScraperConfig) { c.Jitter = -1 }, "jitter"},
		"an unknown catch-up":       {func(c *domain.ScraperConfig) { c.CatchUp = "all" }, "catch_up"},
		"a header with a space":     {func(c *domain.ScraperConfig) { c.HeadersEnv = map[string]string{"X Y": "V"} }, "headers_env"},
		"a header of a signature":   {func(c *domain.ScraperConfig) { c.HeadersEnv = map[string]string{"Webhook-Id": "V"} }, "headers_env"},
		"a secret to sign with":     {func(c *domain.ScraperConfig) { c.SignEnv = "whsec_CANARY=" }, "sign_env"},
		"a header of the contract":  {func(c *domain.ScraperConfig) { c.HeadersEnv = map[string]string{"x-scrapelog-run-id": "V"} }, "headers_env"},
		"a success within no time":  {func(c *domain.ScraperConfig) { c.Expect.SuccessWithin = domain.Duration(time.Millisecond) }, "expect.success_within"},
		"a success within minus 1s": {func(c *domain.ScraperConfig) { c.Expect.SuccessWithin = domain.Duration(-time.Second) }, "expect.success_within"},
		"fewer items than none":     {func(c *domain.ScraperConfig) { c.Expect.MinItems = -1 }, "expect.min_items"},
		"no time to connect":        {func(c *domain.ScraperConfig) { c.ConnectTimeout = 0 }, "connect_timeout"},
		"no time to start":          {func(c *domain.ScraperConfig) { c.StartTimeout = 0 }, "start_timeout"},
		"no patience":               {func(c *domain.ScraperConfig) { c.IdleTimeout = 0 }, "idle_timeout"},
		"no time to run":            {func(c *domain.ScraperConfig) { c.MaxDuration = 0 }, "max_duration"},
		"a probe with a bad URL":    {func(c *domain.ScraperConfig) { c.Probe.URL = "shop" }, "probe.url"},
		"probes without a pause":    {func(c *domain.ScraperConfig) { c.Probe.Interval = 0 }, "probe.interval"},
		"a negative hold-down":      {func(c *domain.ScraperConfig) { c.Recovery.HoldDown = -1 }, "recovery.hold_down"},
	} {
		t.Run(name, func(t *testing.T) {
			config := shopConfig()
			c.change(&config)
			err := config.Validate()
			field, ok := errors.AsType[*domain.FieldError](err)
			if !ok || !errors.Is(err, domain.ErrInvalid) || field.Field != c.field {
				t.Fatalf("got %v, want a *FieldError for %s", err, c.field)
			}
			if field.Want == "" || strings.Contains(err.Error(), "canary") || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("the message does not help, leaks or breaks the line: %q", err)
			}
		})
	}
	if err := shopConfig().Validate(); err != nil {
		t.Errorf("a valid configuration is refused: %v", err)
	}
}

func TestRedactedDropsQueryStrings(t *testing.T) {
	c := shopConfig()
	c.URL += "?key=canary"
	c.Probe.URL = "http://shop/healthz?key=canary"
	data, err := json.Marshal(c.Redacted())
	if err != nil || strings.Contains(string(data), "canary") || strings.Contains(string(data), "?") {
		t.Errorf("redacted: %s, %v", data, err)
	}
}

func TestDurationsReadAsPeopleWriteThem(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"2h": 2 * time.Hour, "45s": 45 * time.Second, "1m30s": 90 * time.Second, "0s": 0,
		"1h0m5s": time.Hour + 5*time.Second, "500ms": 500 * time.Millisecond, "10m": 10 * time.Minute, "1h10m": 70 * time.Minute,
	} {
		if got := domain.Duration(d).String(); got != want {
			t.Errorf("%v reads %q, want %q", d, got, want)
		}
		var back domain.Duration
		if err := back.UnmarshalText([]byte(want)); err != nil || back.Std() != d {
			t.Errorf("%q read back is %v, %v", want, back, err)
		}
	}
	var d domain.Duration
	if err := d.UnmarshalText([]byte("soon")); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("%q: %v", "soon", err)
	}
}
