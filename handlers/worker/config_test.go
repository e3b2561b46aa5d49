package worker

import (
	"errors"
	"log/slog"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"scrapelog/domain"
)

const documented = `
announce: http://127.0.0.1:8080/api/v1/announce
scrapes:
  - name: nightly
    command: [python3, scrape.py]
    env: [SHOP_TOKEN]
  - name: shop-prices
    html:
      platforms:
        - {name: alpha, start: "https://alpha.example/"}
      item: li.product
      fields: {title: h2, link: "a@href"}
      next: a[rel=next]
      rate: 0.5
      output: items.ndjson
`

func TestTheDocumentedConfigurationIsValid(t *testing.T) {
	cfg := DefaultConfig()
	if err := yaml.UnmarshalWithOptions([]byte(documented), &cfg, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:9090" || cfg.Beat.Std() != 5*time.Second {
		t.Errorf("defaults: %s %s", cfg.Listen, cfg.Beat)
	}
	if h := cfg.Scrapes[1].HTML; h.interval() != 2*time.Second || (&HTML{}).interval() != time.Second {
		t.Errorf("intervals: %s and by default %s", h.interval(), (&HTML{}).interval())
	}
}

func TestAnInvalidValueIsNamed(t *testing.T) {
	tests := map[string]struct {
		spoil func(*Config)
		field string
	}{
		"no address":                        {func(c *Config) { c.Listen = "9090" }, "listen"},
		"a beat too short":                  {func(c *Config) { c.Beat = domain.Duration(time.Millisecond) }, "beat"},
		"a beat too long":                   {func(c *Config) { c.Beat = domain.Duration(61 * time.Second) }, "beat"},
		"announce is no URL":                {func(c *Config) { c.Announce = "localhost:8080" }, "announce"},
		"announce with credentials":         {func(c *Config) { c.Announce = "http://a:b@localhost/" }, "announce"},
		"a host with its port":              {func(c *Config) { c.Hosts = []string{"worker.example", "worker.example:9090"} }, "hosts"},
		"no scrapes":                        {func(c *Config) { c.Scrapes = nil }, "scrapes"},
		"a bad name":                        {func(c *Config) { c.Scrapes[0].Name = "A b" }, "scrapes[0].name"},
		"a name twice":                      {func(c *Config) { c.Scrapes[1].Name = "nightly" }, "scrapes[1].name"},
		"neither kind":                      {func(c *Config) { c.Scrapes[0].Command = nil }, "scrapes[0].command"},
		"both kinds":                        {func(c *Config) { c.Scrapes[1].Command = []string{"true"} }, "scrapes[1].html"},
		"an empty program":                  {func(c *Config) { c.Scrapes[0].Command = []string{""} }, "scrapes[0].command[0]"},
		"a name of a variable that is none": {func(c *Config) { c.Scrapes[0].Env = []string{"A", "A=b"} }, "scrapes[0].env[1]"},
		"variables of pages":                {func(c *Config) { c.Scrapes[1].Env = []string{"A"} }, "scrapes[1].env"},
		"a NUL":                             {func(c *Config) { c.Scrapes[0].Command = []string{"a", "\x00"} }, "scrapes[0].command[1]"},
		"no platforms":                      {func(c *Config) { c.Scrapes[1].HTML.Platforms = nil }, "scrapes[1].html.platforms"},
		"a platform without a name":         {func(c *Config) { c.Scrapes[1].HTML.Platforms[0].Name = "" }, "scrapes[1].html.platforms[0].name"},
		"a start that is no URL":            {func(c *Config) { c.Scrapes[1].HTML.Platforms[0].Start = "/" }, "scrapes[1].html.platforms[0].start"},
		"no item":                           {func(c *Config) { c.Scrapes[1].HTML.Item = "" }, "scrapes[1].html.item"},
		"a bad selector":                    {func(c *Config) { c.Scrapes[1].HTML.Item = "li[" }, "scrapes[1].html.item"},
		"no fields":                         {func(c *Config) { c.Scrapes[1].HTML.Fields = nil }, "scrapes[1].html.fields"},
		"a bad field":                       {func(c *Config) { c.Scrapes[1].HTML.Fields["title"] = "h2:@x" }, "scrapes[1].html.fields.title"},
		"a bad next":                        {func(c *Config) { c.Scrapes[1].HTML.Next = "a[" }, "scrapes[1].html.next"},
		"a negative rate":                   {func(c *Config) { c.Scrapes[1].HTML.Rate = -1 }, "scrapes[1].html.rate"},
		"no rate at all":                    {func(c *Config) { c.Scrapes[1].HTML.Rate = math.NaN() }, "scrapes[1].html.rate"},
		"a rate near nothing":               {func(c *Config) { c.Scrapes[1].HTML.Rate = 1e-300 }, "scrapes[1].html.rate"},
		"a negative bound of pages":         {func(c *Config) { c.Scrapes[1].HTML.MaxPages = -1 }, "scrapes[1].html.max_pages"},
		"no output":                         {func(c *Config) { c.Scrapes[1].HTML.Output = "" }, "scrapes[1].html.output"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			if err := yaml.Unmarshal([]byte(documented), &cfg); err != nil {
				t.Fatal(err)
			}
			tt.spoil(&cfg)
			var field *domain.FieldError
			if _, err := New(cfg, nil); !errors.As(err, &field) || field.Field != tt.field {
				t.Errorf("err = %v, want one about %s", err, tt.field)
			}
		})
	}
}

// Selectors of other tools are refused with what to write instead.
func TestAForeignSelectorIsRefusedWithAHint(t *testing.T) {
	for selector, want := range map[string]string{
		"a::attr(href)":         "a@href",
		"img::attr( data-src )": "img@data-src",
		"h2::text":              "write h2",
		"::text":                "write .",
		"//li[@class='x']":      "XPath is not understood",
		"[x=1]":                 "li.product > a",
		":is(h1, h2)":           "separated by commas",
		"li:has(> a)":           "li:has(a)",
	} {
		var field *domain.FieldError
		err := validSelector("item", selector)
		if !errors.As(err, &field) || !strings.Contains(field.Want, want) {
			t.Errorf("%s: %v, want a hint of %s", selector, err, want)
		}
	}
	for _, selector := range []string{"li:has(a)", "li:has(a):contains(x)", "LI.x", "a[HREF]", "li:not(.ad)", "li:nth-child(2)"} {
		if err := validSelector("item", selector); err != nil {
			t.Errorf("%s: %v", selector, err)
		}
	}
}

func TestFields(t *testing.T) {
	for spec, want := range map[string]field{
		"h2":                 {"h2", ""},
		"a@href":             {"a", "href"},
		" a.more @ href":     {"a.more @ href", ""},
		".":                  {"", ""},
		".@id":               {"", "id"},
		"@id":                {"", "id"},
		`a[href*="@x"]`:      {`a[href*="@x"]`, ""},
		`a[href*="@x"]@href`: {`a[href*="@x"]`, "href"},
		"img@data-src":       {"img", "data-src"},
	} {
		if got := parseField(spec); got != want {
			t.Errorf("%q = %+v, want %+v", spec, got, want)
		}
	}
}

// Each line that the page gives as an example is a key of the configuration.
func TestThePageOfTheWorkerHasEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/worker.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "  - name: new-arrivals")
	cfg := DefaultConfig()
	if err := yaml.UnmarshalWithOptions([]byte(example), &cfg, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP_SECRET", orderSecret)
	t.Setenv("ANNOUNCE_TOKEN", "slg_1_2_3")
	if err := cfg.Validate(); err != nil || cfg.checkReach() != nil {
		t.Error(err)
	}
	for _, of := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Scrape]()} {
		for i := range of.NumField() {
			if key := of.Field(i).Tag.Get("yaml"); !strings.Contains(string(page), key+":") {
				t.Errorf("%s is not in the page", key)
			}
		}
	}
	for _, name := range slices.Concat(inherited, proxies) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("%s is not in the page", name)
		}
	}
}

// People put the secret where its name belongs: what env holds is not repeated.
func TestAVariableThatIsNotSetIsSaidByItsPlace(t *testing.T) {
	t.Setenv("SHOP_TOKEN", "x")
	var log logged
	cfg := commandConfig("true")
	cfg.Listen, cfg.Beat, cfg.Scrapes[0].Env = DefaultConfig().Listen, DefaultConfig().Beat, []string{"SHOP_TOKEN", "AKIACANARY"}
	if _, err := New(cfg, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, "scraper=job entry=2") || strings.Count(text, "\n") != 1 || strings.Contains(text, "CANARY") {
		t.Errorf("logged %s", text)
	}
	cfg.Scrapes[0].Env = []string{"sk-CANARY"}
	if _, err := New(cfg, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("%v", err)
	}
}
