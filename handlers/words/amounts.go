package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Unit stands between a number and its unit and within grouped digits: a space that
// does not break a line.
const Unit = "\u00a0"

// Took returns a length of time in its two largest units: "1.2 s", "2 min 5 s",
// "3 h 10 min". Below ten seconds it has a decimal.
func Took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0" + Unit + "s"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + Unit + "ms"
	case d < 10*time.Second:
		return strings.TrimSuffix(strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64), ".0") + Unit + "s"
	}
	return Age(d)
}

// Age returns a length of time that still grows, in whole seconds.
func Age(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d"+Unit+"s", s)
	case s < 3600:
		return fmt.Sprintf("%d"+Unit+"min %d"+Unit+"s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d"+Unit+"h %d"+Unit+"min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d"+Unit+"d %d"+Unit+"h", s/86400, s%86400/3600)
}

// Number returns n with its digits in groups of three: "12 345".
func Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + Unit + digits[i:]
	}
	return digits
}

// Items returns how many items a completed run brought, and how many were expected, if
// those are more: "0 items; at least 1 expected". least is 0 otherwise.
func Items(n, least int64) string {
	if least == 0 {
		return Count(n, "item")
	}
	return Count(n, "item") + "; at least " + Number(least) + " expected"
}

// Count returns a number of things: "1 item", "12 345 items".
func Count(n int64, one string) string {
	if n == 1 {
		return "1" + Unit + one
	}
	return Number(n) + Unit + one + "s"
}
