package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// stamp is an instant as <time datetime> wants it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Instant is an instant as people read it, its zone said.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// unit keeps a number and its unit on one line.
const unit = "\u00a0"

// Took is a length of time in the two units that matter: "1.2 s", "2 min 5 s", "3 h 10 min".
func Took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0" + unit + "s"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + unit + "ms"
	case d < 10*time.Second:
		return strings.TrimSuffix(strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64), ".0") + unit + "s"
	}
	return age(d)
}

// age is a length of time that grows: the script counts it on in the same form.
func age(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d"+unit+"s", s)
	case s < 3600:
		return fmt.Sprintf("%d"+unit+"min %d"+unit+"s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d"+unit+"h %d"+unit+"min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d"+unit+"d %d"+unit+"h", s/86400, s%86400/3600)
}

// number groups the digits of n: "12 345", with spaces that do not break.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "\u00a0" + digits[i:]
	}
	return digits
}

// upTo is a number that was counted no further than to one more than most.
func upTo(n, most int64) string {
	if n > most {
		return number(most) + "+"
	}
	return number(n)
}

func plural(n int64, one string) string {
	if n == 1 {
		return "1" + unit + one
	}
	return number(n) + unit + one + "s"
}

// short is the part of a run id that tells it from its neighbours. The first
// half of a UUIDv7 is time and alike in runs that started together.
func short(id uuid.UUID) string { return domain.ShortID(id) }

// clean makes visible what a page would hide or let others misread: control
// characters, and marks that change the direction of text.
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
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
}
