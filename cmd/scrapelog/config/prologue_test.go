package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrapelog/handlers/worker"
)

// TestWhatStandsBeforeTheFirstKey: both files are read whatever YAML allows
// before the first key and around the document.
func TestWhatStandsBeforeTheFirstKey(t *testing.T) {
	const bom = "\uFEFF"
	for name, around := range map[string][2]string{
		"a byte order mark":                {bom, ""},
		"a byte order mark and a comment":  {bom + "# made by an editor\n", ""},
		"a version":                        {"%YAML 1.2\n---\n", ""},
		"an older version":                 {"%YAML 1.1\n---\n", ""},
		"a mark, a version and comments":   {bom + "%YAML 1.2\n# a\n\n---\n# b\n\n", ""},
		"a tag directive":                  {"%TAG ! tag:example.org,2000:\n---\n", ""},
		"an unknown directive":             {"%FOO bar\n---\n", ""},
		"a marker":                         {"---\n", ""},
		"a marker with a comment":          {"--- # scrapelog\n", ""},
		"a marker and the document's type": {"--- !!map\n", ""},
		"two markers":                      {"---\n---\n", ""},
		"blank lines":                      {"\n  \n\t\n", ""},
		"comments":                         {"# a\n   # b\n", ""},
		"an end":                           {"---\n", "...\n"},
		"a marker after the end":           {"", "...\n---\n# nothing follows\n"},
		"CRLF throughout":                  {"%YAML 1.2\r\n---\r\n\r\n# a\r\n", "\r\n...\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			body := "listen: 127.0.0.1:18080\nscrapers:\n  - name: a\n    url: http://127.0.0.1:9090/a\n"
			if strings.Contains(around[0], "\r") {
				body = strings.ReplaceAll(body, "\n", "\r\n")
			}
			config, err := Load(write(t, around[0]+body+around[1]))
			if err != nil || config.Listen != "127.0.0.1:18080" || len(config.Scrapers) != 1 || config.Scrapers[0].URL != "http://127.0.0.1:9090/a" {
				t.Errorf("%v, %+v", err, config)
			}
			wc := worker.DefaultConfig()
			body = strings.ReplaceAll(strings.ReplaceAll(body, "scrapers", "scrapes"), "url: http://127.0.0.1:9090/a", "command: [a]")
			if _, err := decodeStrict("worker.yaml", []byte(around[0]+body+around[1]), &wc); err != nil || wc.Listen != "127.0.0.1:18080" || len(wc.Scrapes) != 1 {
				t.Errorf("worker: %v, %+v", err, wc)
			}
		})
	}
}

// TestPlacesAfterAPrologue: what is blanked moves no line and no column.
func TestPlacesAfterAPrologue(t *testing.T) {
	for source, want := range map[string]string{
		"\uFEFFlistn: x\n":                    `:1:1: unknown key "listn"; did you mean listen?`,
		"%YAML 1.2\n---\n\nlistn: x\n":        `:4:1: unknown key "listn"; did you mean listen?`,
		"\r\n---\r\nlisten: x\r\n":            `:3:9: listen: "x" is not an address`,
		"---\n---\nlisten: x\n":               `:3:9: listen: "x" is not an address`,
		"listen: a:1\n---\n---\nhosts: [c]\n": `:4:1: a second document; keep one document in a file`,
		"listen: a:1\n...\n  hosts: [c]\n":    `:3:3: a second document; keep one document in a file`,
		"listen: a:1\n--- {hosts: [c]}\n":     `:2:1: a second document; keep one document in a file`,
		"~\n---\nlisten: x\n":                 `:3:1: a second document; keep one document in a file`,
		"\xff\xfel\x00i\x00s\x00t\x00":        `:1:1: the file is in UTF-16; save it as UTF-8`,
		"\xfe\xff\x00l\x00i\x00s\x00t":        `:1:1: the file is in UTF-16; save it as UTF-8`,
		"l\x00i\x00s\x00t\x00":                `:1:1: the file holds NUL bytes, as UTF-16 and UTF-32 do; save it as UTF-8`,
		"# a\nhosts: [\"M\xfcnchen\"]\n":      `:2:11: not UTF-8; save the file as UTF-8`,
	} {
		_, err := Load(write(t, source))
		if err == nil || !strings.HasPrefix(err.Error(), "scrapelog.yaml"+want) {
			t.Errorf("%q: got %v, want %s", source, err, want)
		}
	}
}

// TestNumbers: numbers are read as YAML 1.2 reads them, and where text belongs
// they stay as they are written.
func TestNumbers(t *testing.T) {
	config, err := Load(write(t, `
scrapers:
  - name: 010
    url: http://h/
    platforms: [010, 1.10, 2024, 0x10, 1e3, -0, no, on]
    params: {a: 010, b: -007, c: 08, d: 0o10, e: 0x10, f: 1e3, g: 1.50, h: "010", i: [010, {j: 09}], k: 2024, l: 1.2.3, m: 18446744073709551615, n: &n 011, o: *n}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": int64(10), "b": int64(-7), "c": int64(8), "d": uint64(8), "e": uint64(16), "f": 1000.0, "g": 1.5, "h": "010",
		"i": []any{int64(10), map[string]any{"j": int64(9)}}, "k": uint64(2024), "l": "1.2.3", "m": uint64(18446744073709551615), "n": int64(11), "o": int64(11),
	}
	scraper := config.Scrapers[0]
	if diff := cmp.Diff(want, scraper.Params); diff != "" || scraper.Name != "010" {
		t.Error(scraper.Name, diff)
	}
	if diff := cmp.Diff([]string{"010", "1.10", "2024", "0x10", "1e3", "-0", "no", "on"}, scraper.Platforms); diff != "" {
		t.Error(diff)
	}
}

// TestLineEndsWithinValues: the line ends of the file do not get into its values.
func TestLineEndsWithinValues(t *testing.T) {
	source := "scrapes:\n  - name: a\n    command:\n      - sh\n      - |\n        a\n        b\n      - \"x\n        y\"\n      - >\n        f\n        g\n"
	for _, end := range []string{"\n", "\r\n", "\r"} {
		config, err := ParseWorker("worker.yaml", []byte(strings.ReplaceAll(source, "\n", end)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"sh", "a\nb\n", "x y", "f g\n"}, config.Scrapes[0].Command); diff != "" {
			t.Errorf("%q: %s", end, diff)
		}
	}
}

// TestManyScrapers: a file of 20,000 scrapers is read in seconds, and the last one
// is named by its line.
func TestManyScrapers(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 15 seconds for 20,000 scrapers; make test runs it")
	}
	const many = 20_000
	var b strings.Builder
	b.WriteString("scrapers:\n")
	for i := range many {
		fmt.Fprintf(&b, "  - {name: s%d, url: \"http://127.0.0.1:9090/s\", schedule: \"@daily\"}\n", i)
	}
	began := time.Now()
	config, err := Parse("scrapelog.yaml", []byte(b.String()))
	if err != nil || len(config.Scrapers) != many {
		t.Fatal(err, len(config.Scrapers))
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("%s for %d scrapers", took, many)
	}
	b.WriteString("  - {name: s0, url: \"http://127.0.0.1:9090/s\"}\n")
	if _, err := Parse("scrapelog.yaml", []byte(b.String())); err == nil || !strings.HasPrefix(err.Error(), "scrapelog.yaml:20002:12: ") {
		t.Error(err)
	}
}
