package term

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/domain"
)

// newOutput is a printer as the given flags make it, and what it prints.
func newOutput(t *testing.T, args ...string) (*Printer, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	var p *Printer
	root := &cobra.Command{Use: "scrapelog"}
	Register(root)
	probe := &cobra.Command{Use: "probe"}
	AddDataFlags(probe)
	probe.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		p, err = newPrinter(cmd)
		return err
	}
	root.AddCommand(probe)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(append([]string{"probe"}, args...))
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	return p, &out
}

type thing struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

func TestLists(t *testing.T) {
	things := []thing{{"a", 1}, {"日本", 22}, {"c\x1b[31m", 3}}
	for args, want := range map[string]string{
		"":                            "NAME         N\na            1\n日本         22\nc\\u001b[31m  3\n",
		"--no-headers":                "a            1\n日本         22\nc\\u001b[31m  3\n",
		"-o json":                     "[\n  {\n    \"name\": \"a\",\n    \"n\": 1\n  },\n  {\n    \"name\": \"日本\",\n    \"n\": 22\n  },\n  {\n    \"name\": \"c\\u001b[31m\",\n    \"n\": 3\n  }\n]\n",
		"-o ndjson":                   `{"name":"a","n":1}` + "\n" + `{"name":"日本","n":22}` + "\n" + `{"name":"c\u001b[31m","n":3}` + "\n",
		"-o csv":                      "name,n\na,1\n日本,22\nc\x1b[31m,3\n",
		"-o csv --no-headers":         "a,1\n日本,22\nc\x1b[31m,3\n",
		"--jq .[0].name":              "a\n",
		"--jq length":                 "3\n",
		"-o ndjson --jq {n}":          "{\"n\":1}\n{\"n\":22}\n{\"n\":3}\n",
		"--jq .[]|select(.n>2)|.n":    "22\n3\n",
		"-o json --jq map(.n)|tojson": "[1,22,3]\n",
	} {
		t.Run(args, func(t *testing.T) {
			p, out := newOutput(t, strings.Fields(args)...)
			list := p.List("NAME", "N")
			for _, v := range things {
				n, _ := json.Marshal(v.N)
				if err := list.Add(v, v.Name, string(n)); err != nil {
					t.Fatal(err)
				}
			}
			if err := list.Close(); err != nil || out.String() != want {
				t.Errorf("%v, got\n%s\nwant\n%s", err, out, want)
			}
		})
	}
}

func TestAnEmptyListIsAnArray(t *testing.T) {
	p, out := newOutput(t, "-o", "json")
	if err := p.List("NAME").Close(); err != nil || out.String() != "[]\n" {
		t.Errorf("%v, %q", err, out)
	}
}

func TestAWrongFilterIsAUsageError(t *testing.T) {
	p, _ := newOutput(t, "--jq", ".name.first")
	if err := p.Document(thing{"a", 1}); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
}

func TestStatusesAreColouredAfterAlignment(t *testing.T) {
	p, out := newOutput(t, "--color", "always", "--no-headers")
	list := p.List("A", "B")
	for _, row := range [][]string{{"completed", "x"}, {"connection_failed", "y"}} {
		if err := list.Add(nil, row...); err != nil {
			t.Fatal(err)
		}
	}
	want := "\x1b[32mcompleted\x1b[0m          x\n\x1b[33mconnection_failed\x1b[0m  y\n"
	if err := list.Close(); err != nil || out.String() != want {
		t.Errorf("%v, got %q, want %q", err, out, want)
	}
}

func TestColours(t *testing.T) {
	for _, test := range []struct {
		mode, noColor string
		want          bool
	}{{"always", "1", true}, {"never", "", false}, {"auto", "", false}} {
		t.Setenv("NO_COLOR", test.noColor)
		got, err := wantsColour(test.mode, &bytes.Buffer{})
		if err != nil || got != test.want {
			t.Errorf("%s with NO_COLOR=%q: %v, %v", test.mode, test.noColor, got, err)
		}
	}
}

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain, größe 日本 🎉":    "plain, größe 日本 🎉",
		"a\nb\tc\rd":           `a\nb\tc\rd`,
		"\x1b]0;title\x07":     `\u001b]0;title\u0007`,
		"\u009b31m":            `\u009b31m`,
		"\u202eevil\u2069":     `\u202eevil\u2069`,
		"a\u2028b":             `a\u2028b`,
		"bad \xff byte, \x7f.": `bad \ufffd byte, \u007f.`,
		"zero\u200bwidth":      `zero\u200bwidth`,
		"a\u200cb\u200dc\u2060d\ufeffe\u00adf\u180eg\u061ch": `a\u200cb\u200dc\u2060d\ufeffe\u00adf\u180eg\u061ch`,
		"tag \U000e0041, filler \u3164 \u115f \uffa0":        `tag \U000e0041, filler \u3164 \u115f \uffa0`,
		"e\u0301, \u1ec7, กำ, न्\u093f":                      "e\u0301, \u1ec7, กำ, न्\u093f",
		"z" + strings.Repeat("\u0335", 6):                    "z" + strings.Repeat("\u0335", 4) + `\u0335\u0335`,
		"\u0338strikes what is before":                       `\u0338strikes what is before`,
		"\u20dd":                                             `\u20dd`,
	} {
		if got := safe(in); got != want {
			t.Errorf("safe(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzSafe: nothing that a terminal acts on comes through, as text or as JSON,
// and JSON means the same afterwards.
func FuzzSafe(f *testing.F) {
	f.Add("a\x1b[31m\u009b\u202e\xff\x7f\n")
	f.Add("\u200b\U000e0001\u0300\u0300\u0300\u0300\u0300\u0300")
	f.Fuzz(func(t *testing.T, in string) {
		if pile := strings.Repeat("\u0300", maxMarks+1); strings.Contains(safe(pile+in+pile), pile) {
			t.Errorf("marks pile up in %q", in)
		}
		if strings.ContainsFunc(safe(in), domain.Hidden) || strings.ContainsFunc(cleanText(in), domain.Hidden) {
			t.Errorf("%q came through", in)
		}
		doc, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if json.Unmarshal(doc, &before) != nil || json.Unmarshal(safeJSON(doc), &after) != nil || before != after {
			t.Errorf("%q became %q", before, after)
		}
		if strings.ContainsFunc(string(safeJSON(doc)), domain.Hidden) {
			t.Errorf("%q came through as JSON", in)
		}
	})
}

// TestLogsAreSafe: what others say cannot steer the terminal that a log is read on.
func TestLogsAreSafe(t *testing.T) {
	hostile := "\x1b[2J \u009b1m \u202e typed: \\x1b[31m\n"
	for _, format := range []string{"text", "json"} {
		for _, colour := range []bool{false, true} {
			var out bytes.Buffer
			logger, err := newLogger(&out, format, "info", colour)
			if err != nil {
				t.Fatal(err)
			}
			logger.Info(hostile, "text", hostile, "error", errors.New(hostile), slog.Group("g", "any", thing{Name: hostile}))
			line := strings.TrimSuffix(out.String(), "\n")
			for _, ours := range []string{"\x1b[2m", "\x1b[22m", "\x1b[0m", "\x1b[92m"} {
				line = strings.ReplaceAll(line, ours, "")
			}
			if strings.ContainsFunc(line, domain.Hidden) {
				t.Errorf("%s, colour %v: %q", format, colour, line)
			}
		}
	}
}

func TestLogLevel(t *testing.T) {
	var out bytes.Buffer
	logger, err := newLogger(&out, "text", "warn", false)
	if err != nil {
		t.Fatal(err)
	}
	logger.Info("quiet")
	logger.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "WRN loud") {
		t.Error(got)
	}
}

func TestParseWhen(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, berlin)
	for in, want := range map[string]When{
		"":                          {},
		"-1h":                       {Time: now.Add(-time.Hour)},
		"-7d":                       {Time: now.Add(-7 * 24 * time.Hour)},
		"-90s":                      {Time: now.Add(-90 * time.Second)},
		"2d":                        {Time: now.Add(-48 * time.Hour)},
		"today":                     {Time: time.Date(2026, 11, 23, 0, 0, 0, 0, berlin)},
		"2026-11-22T10:00:00Z":      {Time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)},
		"2026-11-22T10:00:00.5Z":    {Time: time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)},
		"2026-11-22T10:00:00+01:00": {Time: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)},
		"@42":                       {Position: 42},
		"1h":                        {Time: now.Add(-time.Hour)},
		"yesterday":                 {Time: time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)},
		"2026-11-22":                {Time: time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)},
		"2026-11-22T10:00":          {Time: time.Date(2026, 11, 22, 10, 0, 0, 0, berlin)},
	} {
		if got, err := ParseWhen("since", in, now); err != nil || got.Position != want.Position || !got.Time.Equal(want.Time) {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"@0", "@x", "@-1", "-1", "1", "0", "-d", "--1h", "2026-13-22", "tomorrow"} {
		if got, err := ParseWhen("since", in, now); !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

// FuzzParseWhen: every text is a time, a position or a usage error.
func FuzzParseWhen(f *testing.F) {
	f.Add("-1h")
	f.Add("@9223372036854775808")
	f.Add("-99999999999d")
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, at string) {
		w, err := ParseWhen("since", at, now)
		if err != nil && !errors.Is(err, ErrUsage) || err == nil && at != "" && w.Position < 1 && w.Time.IsZero() {
			t.Errorf("%q: %v, %v", at, w, err)
		}
	})
}

// TestWideCells: on a terminal a cell pushes no other off it; elsewhere nothing is
// TestATableFitsItsTerminal: an optional column goes first, then the widest are cut, and a
// status never. Where no terminal is, nothing is cut.
func TestATableFitsItsTerminal(t *testing.T) {
	wide := strings.Repeat("日", 350)
	for width, want := range map[int]string{
		0:  wide + "  connection_failed  " + wide + "  optional\n",
		80: strings.Repeat("日", 14) + "…   connection_failed  " + strings.Repeat("日", 14) + "…\n",
		20: "日日…   connection_failed  日日…\n",
	} {
		p, out := newOutput(t, "--no-headers")
		p.terminal, p.width = width > 0, width
		list := p.List("A", "STATUS", "C", "~D")
		if err := list.Add(nil, wide, "connection_failed", wide, "optional"); err != nil {
			t.Fatal(err)
		}
		if err := list.Close(); err != nil || out.String() != want {
			t.Errorf("%d: %v, got\n%swant\n%s", width, err, out.String(), want)
		}
		for line := range strings.Lines(out.String()) {
			if places := columns(strings.TrimSuffix(line, "\n")); width > 40 && places > width {
				t.Errorf("a line of %d places on a terminal of %d", places, width)
			}
		}
	}
}

func TestTimesAndIDs(t *testing.T) {
	p, _ := newOutput(t)
	at, id := time.Now().Add(-3*time.Minute-time.Second), uuid.MustParse("0198c2f4-0000-7000-8000-00000000abcd")
	if p.Stamp(at) != at.UTC().Format(time.RFC3339) || p.ID(id) != id.String() {
		t.Error(p.Stamp(at), p.ID(id))
	}
	p.terminal = true
	if p.Stamp(at) != "3m ago" || p.ID(id) != "0000abcd" || p.Stamp(time.Time{}) != "" {
		t.Error(p.Stamp(at), p.ID(id))
	}
	for d, want := range map[time.Duration]string{0: "now", 59 * time.Second: "59s ago", -90 * time.Minute: "in 1h", 47 * time.Hour: "47h ago", 72 * time.Hour: "3d ago"} {
		if got := Age(at.Add(-d), at); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "日本": 4, "e\u0301": 1, "🎉": 2, "🇩🇪": 2, "ｱ": 1, "Ａ": 2, "±": 1} {
		if got := columns(text); got != want {
			t.Errorf("%q takes %d places, want %d", text, got, want)
		}
	}
}

func TestFactsAreWrappedOnATerminal(t *testing.T) {
	var b bytes.Buffer
	p := &Printer{Out: &b, Format: "table", terminal: true, width: 23}
	if err := p.Facts(nil, [2]string{"a", "one two  three four 価格が変 five"}, [2]string{"long", "x"}); err != nil {
		t.Fatal(err)
	}
	want := "a     one two  three\n      four 価格が変\n      five\nlong  x\n"
	if b.String() != want {
		t.Errorf("got\n%q, want\n%q", b.String(), want)
	}
}
