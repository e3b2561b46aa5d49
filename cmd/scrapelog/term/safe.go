package term

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/mattn/go-runewidth"

	"scrapelog/domain"
)

// safe returns foreign text that is safe on a terminal and takes one line. Control characters
// (C0, DEL, C1), characters without a shape (zero-width, bidirectional, tags),
// line separators, bytes that are not UTF-8 and marks that pile up on one letter
// are written out as escapes.
func safe(s string) string { return escapeUnsafe(s, escaped) }

// safeJSON does the same to a JSON document, which means the same afterwards:
// such characters occur in its strings only, where an escape may stand for them.
func safeJSON(doc []byte) []byte {
	return []byte(escapeUnsafe(string(doc), func(r rune) string {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return string(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			return fmt.Sprintf(`\u%04x\u%04x`, high, low)
		}
		return fmt.Sprintf(`\u%04x`, r)
	}))
}

// maxMarks is how many combining marks one letter may carry: scripts in use need
// three, and a pile of them covers the lines above and below.
const maxMarks = 4

func escapeUnsafe(s string, escape func(rune) string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	var b strings.Builder
	marks := maxMarks // the first character has none before it to carry a mark
	for _, r := range s {
		if unicode.Is(unicode.M, r) {
			marks++
		} else {
			marks = 0
		}
		if domain.Hidden(r) || marks > maxMarks {
			b.WriteString(escape(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func escaped(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// widths ignores the locale, on which the widths of some characters depend.
var widths = func() *runewidth.Condition {
	c := runewidth.NewCondition()
	c.EastAsianWidth = false
	return c
}()

// columns returns the width of a text on a terminal.
func columns(s string) int { return widths.StringWidth(s) }

// cut shortens a text to a width, with … at its end.
func cut(s string, places int) string { return widths.Truncate(s, places, "…") }
