package domain_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"scrapelog/domain"
)

func TestParseItems(t *testing.T) {
	for raw, want := range map[string]int64{
		`0`: 0, `7`: 7, ` 7 `: 7, `20.0`: 20, `20.000`: 20, `1e3`: 1000, `1E+3`: 1000, `1.5e1`: 15, `2000e-2`: 20, `0.02e3`: 20,
		`"20"`: 20, `"20.0"`: 20, `"1e3"`: 1000, `-0`: 0, `-0.0`: 0, `0e999999999999`: 0, `0.000`: 0, `120`: 120, `1000000`: 1000000,
		`9223372036854775807`: math.MaxInt64, `9223372036854775807.0`: math.MaxInt64, `9.223372036854775807e18`: math.MaxInt64,
		"1" + strings.Repeat("0", 1000) + "e-1000": 1,
	} {
		if got, err := domain.ParseItems([]byte(raw)); got != want || err != nil {
			t.Errorf("%.40s is read as %d, %v; want %d", raw, got, err, want)
		}
	}
	for raw, want := range map[string]string{
		``: "not a number", `null`: "not a number", `true`: "not a number", `[]`: "not a number", `{}`: "not a number", `""`: "not a number",
		`"many"`: "not a number", `"0x14"`: "not a number", `" 20"`: "not a number", `"+20"`: "not a number", `"1_000"`: "not a number", `"٢٠"`: "not a number",
		`"020"`: "not a number", `"NaN"`: "not a number", `"Infinity"`: "not a number", `"20`: "not JSON",
		`-1`: "negative", `-0.5`: "negative", `"-3"`: "negative", `-1e999999999`: "negative",
		`20.5`: "not a whole number", `1e-3`: "not a whole number", `0.1`: "not a whole number", `15e-1`: "not a whole number",
		`9223372036854775808`: "more than", `1e19`: "more than", `18446744073709551616`: "more than",
		`1e999999`: "out of range", `1e99999999999999999999`: "out of range", `1e-99999999`: "out of range",
	} {
		got, err := domain.ParseItems([]byte(raw))
		if got != 0 || !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read as %d, %v; want %q", raw, got, err, want)
		}
	}
}
