package pages

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/words"
)

// stamp is an instant as <time datetime> wants it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Instant is an instant as people read it, its zone said.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// unit keeps a number and its unit on one line.
const unit = words.Unit

// Took returns a length of time in its two largest units; see [words.Took].
func Took(d time.Duration) string { return words.Took(d) }

func age(d time.Duration) string { return words.Age(d) }

func number(n int64) string { return words.Number(n) }

// upTo is a number that was counted no further than to one more than most.
func upTo(n, most int64) string {
	if n > most {
		return number(most) + "+"
	}
	return number(n)
}

func plural(n int64, one string) string { return words.Count(n, one) }

// short is the part of a run id that tells it from its neighbours. The first
// half of a UUIDv7 is time and alike in runs that started together.
func short(id uuid.UUID) string { return domain.ShortID(id) }

// clean escapes the characters that a page would hide or that change how text reads:
// control characters, and marks that change the direction of text.
func clean(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return domain.Hidden(r)
}
