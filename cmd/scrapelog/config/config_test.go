package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/heartbeat"
	"scrapelog/handlers/notify"
)

// staircase is a key within a key, so often.
func staircase(steps int) string {
	var b strings.Builder
	for i := range steps {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// laughs is a scraper whose params repeat an alias of aliases.
func laughs(params string) string {
	file, of := "scrapers:\n- name: a\n  url: http://x/\n  platforms: &a [x, x, x, x, x, x, x, x, x, x]\n  params:\n", "a"
	for _, name := range []string{"b", "c", "d", "e", "f", "g", "h"} {
		file += "    " + name + ": &" + name + " {i: [" + strings.Repeat("*"+of+", ", 10) + "]}\n"
		of = name
	}
	return file + "- name: b\n  url: http://x/\n  " + params + "z: *h}\n"
}

// TestConfigErrors is the table of what a configuration can get wrong. Each is
// one line: file, line and column, key, what is wrong, what would be right.
func TestConfigErrors(t *testing.T) {
	const ok = "name: a, url: http://127.0.0.1:9090/a"
	for name, test := range map[string]struct{ file, want string }{
		"unknown key":            {"listen: 127.0.0.1:80\nscrapper: []\n", `:2:1: unknown key "scrapper"; did you mean scrapers?`},
		"no network":             {"egress:\n  allow: [10.0.0.0/8]\n  deny: [10.0.0.0/8, shop]\n", `:3:22: egress.deny[1]: "shop" is not a network; use CIDR such as 10.0.0.0/8 or fd00::/8`},
		"no host":                {"secrets:\n  SHOP_TOKEN: [https://shop.example]\n", `:2:15: secrets.SHOP_TOKEN: "https://shop.example" is not a host; use names such as shop.example or shop.example:8443, without scheme and path`},
		"hosts that are no list": {"secrets:\n  SHOP_TOKEN: shop.example\n", `:2:15: secrets.SHOP_TOKEN: a text where a list is expected; use [a, b] or a line with - for each`},
		"unknown key, far off":   {"audit:\n  colour: red\n", `:2:3: audit: unknown key "colour"; use key, checkpoints`},
		"unknown key in scraper": {"scrapers:\n  - {" + ok + ", shedule: \"@daily\"}\n", `:2:45: scrapers[0]: unknown key "shedule"; did you mean schedule?`},
		"bad name":               {"scrapers:\n  - name: Shop Prices\n    url: http://x/\n", `:2:11: scrapers[0].name: "Shop Prices" is not a scraper name; use 1 to 63 of a-z, 0-9 and -`},
		"no url":                 {"scrapers:\n  - name: a\n", `:2:5: scrapers[0].url: is missing; use an absolute URL such as http://127.0.0.1:9090/scrapes/shop`},
		"bad url":                {"scrapers:\n  - name: a\n    url: ftp://x/\n", `:3:10: scrapers[0].url: "ftp://x/" is not an http or https URL; use an absolute URL such as http://127.0.0.1:9090/scrapes/shop`},
		"url with credentials":   {"scrapers:\n  - name: a\n    url: http://me:secret@x/\n", `:3:10: scrapers[0].url: holds credentials; name an environment variable in headers_env instead`},
		"bad cron":               {"scrapers:\n  - {" + ok + "}\n  - name: b\n    url: http://x/\n    schedule: \"99 * * * *\"\n", `:5:15: scrapers[1].schedule: "99 * * * *" cannot be read (`},
		"six cron fields":        {"scrapers:\n  - name: a\n    url: http://x/\n    schedule: \"0 0 * * * *\"\n", `:4:15: scrapers[0].schedule: "0 0 * * * *" has 6 fields; use five cron fields`},
		"two days restricted":    {"scrapers:\n  - name: a\n    url: http://x/\n    schedule: \"0 0 1 * 1\"\n", `:4:15: scrapers[0].schedule: "0 0 1 * 1" restricts both day of month and day of week`},
		"never fires":            {"scrapers:\n  - name: a\n    url: http://x/\n    schedule: \"0 0 30 2 *\"\n", `:4:15: scrapers[0].schedule: "0 0 30 2 *" never fires; name a day that exists`},
		"bad zone":               {"scrapers:\n  - name: a\n    url: http://x/\n    time_zone: Mars/Olympus\n", `:4:16: scrapers[0].time_zone: "Mars/Olympus" is not a time zone; use an IANA name such as Europe/Berlin or UTC`},
		"bad duration":           {"scrapers:\n  - name: a\n    url: http://x/\n    recovery:\n      hold_down: 3 fortnights\n", `:5:18: scrapers[0].recovery.hold_down: "3 fortnights" is not a duration; write 500ms, 45s, 5m or 2h`},
		"duration without unit":  {"shutdown_grace: 10\n", `:1:17: shutdown_grace: "10" is not a duration; write 500ms, 45s, 5m or 2h`},
		"duration out of range":  {"scrapers:\n  - {" + ok + ", probe: {interval: 1ms}}\n", `:2:63: scrapers[0].probe.interval: 1ms is out of range; use 100ms to 1h`},
		"name twice":             {"scrapers:\n  - {" + ok + "}\n  - {" + ok + "}\n", `:3:12: scrapers[1].name: "a" is the name of the scraper at line 2 already; give each scraper a name of its own`},
		"key twice":              {"listen: 127.0.0.1:80\nlisten: 127.0.0.1:81\n", `:2:1: mapping key "listen" already defined at [1:1]`},
		"list where text is":     {"listen: [a]\n", `:1:9: listen: a list does not fit here; write it as text`},
		"text where list is":     {"scrapers:\n  - {" + ok + ", platforms: alpha}\n", `:2:56: scrapers[0].platforms: "alpha" where a list is expected; use [a, b] or a line with - for each`},
		"a success in no time":   {"scrapers:\n  - {" + ok + ", expect: {success_within: 1ms}}\n", `:2:70: scrapers[0].expect.success_within: 1ms is out of range; use 100ms to 8784h`},
		"fewer items than none":  {"scrapers:\n  - {" + ok + ", expect: {min_items: -1}}\n", `:2:65: scrapers[0].expect.min_items: -1 is negative; use 0 to 9223372036854775807`},
		"text where truth is":    {"scrapers:\n  - {" + ok + ", recovery: {enabled: perhaps}}\n", `:2:65: scrapers[0].recovery.enabled: "perhaps" does not fit here; use true or false`},
		"a list at the top":      {"- a\n", `:1:1: a list where keys are expected; use listen, database`},
		"two documents":          {"listen: 127.0.0.1:80\n---\nlisten: 127.0.0.1:81\n", `:3:1: a second document; keep one document in a file`},
		"an alias of its own":    {"hosts: &h [*h]\n", `:1:12: *h stands for nothing: there is no &h that ends before it`},
		"an alias of nothing":    {"hosts: [*h]\n", `:1:9: `},
		"an alias that is wrong": {"hosts: [&h a]\negress: {allow: *h}\n", `:1:12: egress.allow: "a" where a list is expected`},
		"brackets":               {"hosts: " + strings.Repeat("[", 100_000) + "\n", `:1:108: is nested more than 100 deep; write it flatter`},
		"braces that are closed": {"hosts: " + strings.Repeat("{a: ", 2000) + strings.Repeat("}", 2000) + "\n", `:1:408: is nested more than 100 deep`},
		"dashes":                 {"hosts:\n  " + strings.Repeat("- ", 2000) + "a\n", `:2:201: is nested more than 100 deep`},
		"question marks":         {strings.Repeat("? ", 2000) + "a\n", `:1:201: is nested more than 100 deep`},
		"a staircase":            {staircase(2000), `:102:102: is nested more than 100 deep`},
		"aliases of aliases":     {laughs("params: {"), `:10:15: more than 1000000 keys and values, with those that aliases repeat`},
		"merges of merges":       {laughs("params: {<<: *h, "), `:10:15: more than 1000000 keys and values, with those that aliases repeat`},
		"no YAML":                {"listen: \"127\n", `:1:9: could not find end character of double-quoted text`},
		"bad listen":             {"\nlisten: localhost\n", `:2:9: listen: "localhost" is not an address; use host:port such as 127.0.0.1:8080`},
		"a small write pool":     {"pool: {write: 2}\n", `:1:15: pool.write: 2 connections are too few; use 3 or more, such as 8`},
		"no read pool":           {"pool:\n  read: 0\n", `:2:9: pool.read: 0 connections are too few; use 2 or more, such as 16`},
		"bad database":           {"database: mysql://me:secret@h/x\n", `:1:11: database: "mysql://me:xxxxx@h/x" is not a database; use sqlite:PATH or postgres://USER@HOST/NAME`},
		"@hourly without quotes": {"scrapers:\n  - name: a\n    schedule: @hourly\n", `:3:15: '@' is a reserved character; put a value that begins with @, * or another sign in quotes`},
		"*/15 without quotes":    {"scrapers:\n  - name: a\n    schedule: */15 * * * *\n", `:3:20: value is not allowed in this context`},
		"a tab":                  {"scrapers:\n  - name: a\n\turl: http://x/\n", ":3:1: found character '\t' that cannot start any token; indent with blanks, not with tabs"},
		"a number of seconds":    {"scrapers:\n  - name: a\n    url: http://x/\n    schedule: 90\n", `:4:15: scrapers[0].schedule: "90" has 1 fields; use five cron fields`},
		"days":                   {"scrapers:\n  - name: a\n    url: http://x/\n    jitter: 1d\n", `:4:13: scrapers[0].jitter: "1d" is not a duration; write 500ms, 45s, 5m or 2h`},
		"both days, in steps":    {"scrapers:\n  - name: a\n    url: http://x/\n    schedule: \"0 0 */2 * 1\"\n", `:4:15: scrapers[0].schedule: "0 0 */2 * 1" restricts both day of month and day of week`},
		"the last day":           {"scrapers:\n  - name: a\n    url: http://x/\n    schedule: \"0 0 L * *\"\n", `:4:15: scrapers[0].schedule: "0 0 L * *" cannot be read (day of month: L: L, W, # and H are not supported); use five cron fields`},
		"port past the last":     {"scrapers:\n  - name: a\n    url: http://127.0.0.1:99999/\n", `:3:10: scrapers[0].url: port 99999 is out of range; use 1 to 65535, or leave it out`},
		"port of a probe":        {"scrapers:\n  - {" + ok + ", probe: {url: \"http://h:0/\"}}\n", `:2:58: scrapers[0].probe.url: port 0 is out of range; use 1 to 65535, or leave it out`},
		"port of the listener":   {"listen: 127.0.0.1:65536\n", `:1:9: listen: "127.0.0.1:65536" is not an address`},
		"a secret for its name":  {"scrapers:\n  - {" + ok + ", headers_env: {Authorization: \"Bearer x\"}}\n", `:2:74: scrapers[0].headers_env.Authorization: is not the name of an environment variable`},
		"no watcher grace":       {"watcher_grace: 0s\n", `:1:16: watcher_grace: 0s is too short; use more than 0s, such as 10s`},
		"negative grace":         {"shutdown_grace: -1s\n", `:1:17: shutdown_grace: -1s is negative; use 0s or more`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(write(t, test.file))
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error()
			if !strings.HasPrefix(got, "scrapelog.yaml"+test.want) || strings.ContainsRune(got, '\n') {
				t.Errorf("got\n%s\nwant\n%s", got, "scrapelog.yaml"+test.want)
			}
			if !errors.Is(err, term.ErrUsage) {
				t.Errorf("%v is no usage error", err)
			}
		})
	}
}

// write puts a configuration into a folder of its own and makes that the
// current one, so that messages name the file alone.
func write(t *testing.T, source string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("scrapelog.yaml", []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return "scrapelog.yaml"
}

func TestConfigKeepsDefaultsOfKeysLeftOut(t *testing.T) {
	config, err := Load(write(t, `
# a comment before everything
watcher_grace: 3s
audit:
scrapers:
  - &shop
    name: a
    url: http://127.0.0.1:9090/a?key=value
    probe: {url: http://127.0.0.1:9090/up}
    recovery: {hold_down: 3s}
    params: {depth: 2}
  - schedule:
    name: b
    <<: *shop
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.WatcherGrace = domain.Duration(3 * time.Second)
	a := domain.DefaultScraperConfig()
	a.Name, a.URL, a.Probe.URL = "a", "http://127.0.0.1:9090/a?key=value", "http://127.0.0.1:9090/up"
	a.Recovery.HoldDown = domain.Duration(3 * time.Second)
	a.Params = map[string]any{"depth": uint64(2)}
	b := a
	b.Name = "b"
	want.Scrapers = []domain.ScraperConfig{a, b}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Error(diff)
	}
}

func TestConfigDefaults(t *testing.T) {
	for name, source := range map[string]string{"empty": "", "comment": "# nothing\n", "null": "~\n"} {
		t.Run(name, func(t *testing.T) {
			config, err := Load(write(t, source))
			if diff := cmp.Diff(Default(), config); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
	want := Config{
		Listen: "127.0.0.1:8080", Database: "sqlite:scrapelog.db",
		ShutdownGrace: domain.Duration(10 * time.Second), WatcherGrace: domain.Duration(10 * time.Second),
		Pool: eventstore.Pool{Write: 8, Read: 16}, Notify: notify.Config{GroupWait: domain.Duration(10 * time.Second)},
		Heartbeat: heartbeat.Config{Interval: domain.Duration(time.Minute)}, Metrics: Metrics{PerScraper: true}, Audit: Audit{VerifyEvery: domain.Duration(24 * time.Hour)},
	}
	if diff := cmp.Diff(want, Default()); diff != "" {
		t.Error(diff)
	}
}

func TestConfigThatCannotBeRead(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load("missing.yaml")
	if err == nil || err.Error() != "missing.yaml: cannot be read: no such file or directory" || !errors.Is(err, term.ErrUsage) {
		t.Error(err)
	}
}

// FuzzConfig: any file leads to a configuration or to one line of error.
func FuzzConfig(f *testing.F) {
	f.Add("listen: x\nscrapers:\n  - &a {name: a}\n  - *a\n  - {<<: *a}\n")
	f.Add("a: !!binary x\n? [b]\n: c\n--- |\n  x\n")
	f.Fuzz(func(t *testing.T, source string) {
		_, err := Parse(filepath.Base("scrapelog.yaml"), []byte(source))
		if err != nil && !errors.Is(err, term.ErrUsage) && !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%v is no usage error", err)
		}
	})
}
