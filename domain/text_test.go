package domain_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"scrapelog/domain"
)

func TestPrintable(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a short text stays":              {"plain", "plain"},
		"nothing stays nothing":           {"", ""},
		"control characters are escaped":  {"a\x00\x1b[31m\r\n", `a\x00\x1b[31m\r\n`},
		"invisible ones too":              {"\u202e\u2028\u200b", `\u202e\u2028\u200b`},
		"bytes that are no UTF-8 too":     {"\xff\xc3", `\xff\xc3`},
		"what fits exactly is not cut":    {strings.Repeat("x", 64), strings.Repeat("x", 64)},
		"a long text is cut":              {strings.Repeat("x", 65), strings.Repeat("x", 61) + "…"},
		"between two characters":          {strings.Repeat("世", 22), strings.Repeat("世", 20) + "…"},
		"and never inside an escape":      {strings.Repeat("\x00", 17), strings.Repeat(`\x00`, 15) + "…"},
		"a backslash that was sent stays": {`C:\x00`, `C:\x00`},
	} {
		got := domain.Printable(test.text, domain.MaxLastEvent)
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if again := domain.Printable(got, domain.MaxLastEvent); again != got {
			t.Errorf("%s: passed in again it becomes %q", name, again)
		}
		if len(got) > domain.MaxLastEvent || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: %q is not fit for the log", name, got)
		}
	}
}

func TestForeignTextsOfARunAreBounded(t *testing.T) {
	run := domain.Run{}.Evolve(started)
	long := "\x1b" + strings.Repeat("世", 400)
	said, broken, gone := reportCompleted, reportFailed, reportLost
	said.Note, broken.Detail, gone.Detail, gone.LastEvent = long, long, long, long
	for _, c := range []domain.RunCommand{said, broken, gone} {
		got, err := run.Decide(c, noon)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]int{}
		switch e := got[0].(type) {
		case domain.RunCompleted:
			texts[e.Note] = domain.MaxNote
		case domain.RunFailed:
			texts[e.Detail] = domain.MaxDetail
		case domain.ConnectionLost:
			texts[e.Detail], texts[e.LastEvent] = domain.MaxDetail, domain.MaxLastEvent
		}
		for text, limit := range texts {
			if len(text) > limit || len(text) < limit-6 || !strings.HasPrefix(text, `\x1b世`) || !strings.HasSuffix(text, "世…") {
				t.Errorf("%T: %d bytes of at most %d: %q", c, len(text), limit, text)
			}
		}
	}
}

func TestCutAndShorten(t *testing.T) {
	for _, test := range []struct {
		text       string
		limit      int
		cut, short string
	}{
		{"shop", 4, "shop", "shop"},
		{"shops", 4, "shop", "sho…"},
		{"aé", 2, "a", "aé"},
		{"日本語", 2, "", "日…"},
		{"", 1, "", ""},
	} {
		if got := domain.Cut(test.text, test.limit); got != test.cut {
			t.Errorf("Cut(%q, %d) is %q, want %q", test.text, test.limit, got, test.cut)
		}
		if got := domain.Shorten(test.text, test.limit); got != test.short {
			t.Errorf("Shorten(%q, %d) is %q, want %q", test.text, test.limit, got, test.short)
		}
	}
}

func TestHiddenCharacters(t *testing.T) {
	for _, r := range "\x00\n\t\x7f\u0085\u200b\u202e\u2028\u2029\u3164\ufeff\ufffd" {
		if !domain.Hidden(r) {
			t.Errorf("%U is not hidden", r)
		}
	}
	for _, r := range "a é日\u0301\u00a0" {
		if domain.Hidden(r) {
			t.Errorf("%U is hidden", r)
		}
	}
}

func TestStatusesAndTriggersAreChecked(t *testing.T) {
	for _, s := range domain.Statuses {
		if err := s.Check("status"); err != nil {
			t.Error(err)
		}
	}
	for _, s := range domain.Triggers {
		if err := s.Check("trigger"); err != nil {
			t.Error(err)
		}
	}
	for _, err := range []error{domain.RunStatus("").Check("status"), domain.RunStatus("done").Check("status"), domain.Trigger("").Check("trigger"), domain.Trigger("Manual").Check("trigger")} {
		var field *domain.FieldError
		if !errors.As(err, &field) || field.Field == "" || field.Want == "" {
			t.Errorf("got %v", err)
		}
	}
}
