package domain

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest texts from outside that an event keeps, in bytes.
const (
	MaxDetail    = 512 // of ConnectionLost and RunFailed
	MaxNote      = 512 // of RunCompleted
	MaxLastEvent = 64  // of ConnectionLost
)

// Printable returns text as an event may carry it: in at most limit bytes, with
// each character that does not print and each byte that is not UTF-8 escaped as in
// a Go string. A text that is too long is cut between two characters and ends
// in "…". The result does not change when it is passed in again.
func Printable(text string, limit int) string {
	const more = "…"
	var b strings.Builder
	room := 0 // how much of it leaves room for more
	for i, char := range text {
		piece := text[i:min(len(text), i+utf8.RuneLen(char))]
		switch {
		case char == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			piece = `\x` + strconv.FormatUint(uint64(text[i]), 16)
		case !unicode.IsPrint(char):
			piece = strings.Trim(strconv.QuoteRune(char), "'")
		}
		if b.Len()+len(piece) > limit {
			return b.String()[:room] + more
		}
		b.WriteString(piece)
		if b.Len() <= limit-len(more) {
			room = b.Len()
		}
	}
	return b.String()
}

// Cut returns the beginning of text, in at most limit bytes and in whole characters.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:max(0, limit)]
}

// Shorten returns text in at most limit characters. One that is longer ends in "…".
func Shorten(text string, limit int) string {
	if characters := []rune(text); len(characters) > limit {
		return string(characters[:limit-1]) + "…"
	}
	return text
}

// Hidden reports whether r is not seen, changes how its neighbours are seen or
// stands for a byte that is not UTF-8. Pages and terminals show it escaped.
func Hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) || r == utf8.RuneError
}
