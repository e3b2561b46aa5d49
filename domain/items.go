package domain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// ParseItems reads a count of items as scrapers and commands write it: a JSON
// number that is whole (20, 20.0, 1e3), or a string that holds one. The error
// says what is wrong: not a number, negative, not whole or past int64.
func ParseItems(raw json.RawMessage) (int64, error) {
	text := strings.TrimSpace(string(raw))
	if strings.HasPrefix(text, `"`) {
		var inner string
		if err := json.Unmarshal(raw, &inner); err != nil {
			return 0, fmt.Errorf("%w: not JSON", ErrInvalid)
		}
		text = inner
	}
	if text == "" || !strings.ContainsAny(text[:1], "-0123456789") || !json.Valid([]byte(text)) {
		return 0, fmt.Errorf("%w: not a number", ErrInvalid)
	}
	return wholeNumber(strings.TrimRight(text, " \t\r\n"))
}

// wholeNumber is the value of a number in JSON's syntax. It moves the decimal
// point over the digits, so 1e999999 costs no more than its length.
func wholeNumber(text string) (int64, error) {
	number, negative := strings.CutPrefix(text, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return 0, nil
	}
	if negative {
		return 0, fmt.Errorf("%w: negative", ErrInvalid)
	}
	shift := 0
	if exponent != "" {
		var err error
		if shift, err = strconv.Atoi(exponent); err != nil || shift > len(text)+20 || shift < -len(text)-20 {
			return 0, fmt.Errorf("%w: out of range", ErrInvalid)
		}
	}
	point := len(digits) - len(fraction) + shift // how many digits stand before the decimal point
	if point <= 0 || strings.Trim(digits[min(point, len(digits)):], "0") != "" {
		return 0, fmt.Errorf("%w: not a whole number", ErrInvalid)
	}
	if point > 19 {
		return 0, fmt.Errorf("%w: more than 9223372036854775807", ErrInvalid)
	}
	digits += strings.Repeat("0", max(0, point-len(digits)))
	n, err := strconv.ParseInt(digits[:point], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: more than 9223372036854775807", ErrInvalid)
	}
	return n, nil
}
