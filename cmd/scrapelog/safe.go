package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safe makes foreign text fit for a terminal and for one line: control
// characters (C0, DEL, C1), bidirectional controls, line separators and bytes
// that are not UTF-8 are written out as escapes.
func safe(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unsafeRune(r) {
			b.WriteString(escaped(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// unsafeRune holds U+FFFD for unsafe too: it is what invalid bytes decode to.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == '\u2028' || r == '\u2029' || r == utf8.RuneError
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
	return fmt.Sprintf(`\u%04x`, r)
}

// safeJSON does the same to a JSON document, which means the same afterwards:
// such characters occur in its strings only, where an escape may stand for them.
func safeJSON(doc []byte) []byte {
	s := string(doc)
	inString := func(r rune) bool { return r != '\n' && r != '\t' && r != '\r' && unsafeRune(r) }
	if !strings.ContainsFunc(s, inString) {
		return doc
	}
	var b strings.Builder
	for _, r := range s {
		if inString(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return []byte(b.String())
}
