package domain

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The lengths of parts of ids, in hex digits.
const (
	MinIDDigits   = 6 // the shortest part that is accepted
	ShortIDDigits = 8 // the short form: the last digits
	idDigits      = 32
)

// ShortID is the short form of an id: its last 8 hex digits.
func ShortID(id uuid.UUID) string {
	text := id.String()
	return text[len(text)-ShortIDDigits:]
}

// IDPart is an id or a part of one: 6 to 32 hex digits in lower case, without
// dashes.
type IDPart string

// Latest stands for the newest run, outage or notice where an id is taken. As the others
// it may have "run-" before it.
const Latest = "latest"

// CheckID checks that text can name something: [Latest], an id or a part of one.
func CheckID(field, text string) error {
	if isLatest(text) {
		return nil
	}
	_, err := ParseIDPart(field, text)
	return err
}

func isLatest(text string) bool {
	return strings.TrimPrefix(strings.TrimSpace(text), runStreamPrefix) == Latest
}

// FindID returns the id that text names. A whole id is returned unchanged, whether there
// is such a thing or not; newest returns the newest id, if there is one, and with some of
// those that have a part. The error is ErrNotFound, or a *FieldError for field when text
// names nothing or several things.
func FindID(field, text string, newest func() ([]uuid.UUID, error), with func(IDPart) ([]uuid.UUID, error)) (uuid.UUID, error) {
	if isLatest(text) {
		found, err := newest()
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("%s: there is none yet: %w", Latest, ErrNotFound)
		}
		if err != nil {
			return uuid.Nil, err
		}
		return found[0], nil
	}
	part, err := ParseIDPart(field, text)
	if err != nil {
		return uuid.Nil, err
	}
	if id, whole := part.ID(); whole {
		return id, nil
	}
	found, err := with(part)
	if err != nil {
		return uuid.Nil, err
	}
	return part.Only(field, found)
}

// ParseIDPart parses a part of the id of a run or an outage: at least 6 of its hex digits, with or
// without dashes, in either case. "…", as on pages, and "run-", as in names of
// streams, may precede the digits. The error is a *FieldError for the given field.
func ParseIDPart(field, text string) (IDPart, error) {
	digits := strings.TrimPrefix(strings.TrimSpace(text), runStreamPrefix)
	digits = strings.ToLower(strings.ReplaceAll(strings.Trim(digits, "…"), "-", ""))
	hex := func(r rune) bool { return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' }
	if len(digits) < MinIDDigits || len(digits) > idDigits || strings.ContainsFunc(digits, func(r rune) bool { return !hex(r) }) {
		return "", &FieldError{
			Field: field, Problem: fmt.Sprintf("%.80q is neither an id nor a part of one", text),
			Want: fmt.Sprintf("use a UUID, or at least %d of its hex digits", MinIDDigits),
		}
	}
	return IDPart(digits), nil
}

// ID is the id, if the part is all of it.
func (p IDPart) ID() (id uuid.UUID, whole bool) {
	id, err := uuid.Parse(string(p))
	return id, err == nil
}

// Range is the first and the last id that begins with the part.
func (p IDPart) Range() (first, last uuid.UUID) {
	missing := idDigits - len(p)
	first, _ = IDPart(string(p) + strings.Repeat("0", missing)).ID()
	last, _ = IDPart(string(p) + strings.Repeat("f", missing)).ID()
	return first, last
}

// Ends reports whether id ends with the part.
func (p IDPart) Ends(id uuid.UUID) bool {
	return strings.HasSuffix(strings.ReplaceAll(id.String(), "-", ""), string(p))
}

// candidatesNamed is how many ids an error for an ambiguous part names.
const candidatesNamed = 5

// Only returns the id that a part stands for, given the ids that contain it; 6 of
// them are enough. The error is ErrNotFound when there is none, and a *FieldError
// with the candidates when there are several.
func (p IDPart) Only(field string, candidates []uuid.UUID) (uuid.UUID, error) {
	switch len(candidates) {
	case 0:
		return uuid.Nil, fmt.Errorf("id …%s…: %w", p, ErrNotFound)
	case 1:
		return candidates[0], nil
	}
	many, names := fmt.Sprint(len(candidates)), make([]string, 0, candidatesNamed)
	if len(candidates) > candidatesNamed {
		many, candidates = fmt.Sprintf("more than %d", candidatesNamed), candidates[:candidatesNamed]
	}
	for _, id := range candidates {
		names = append(names, id.String())
	}
	return uuid.Nil, &FieldError{
		Field: field, Problem: fmt.Sprintf("%q is part of %s ids: %s", string(p), many, strings.Join(names, ", ")),
		Want: "use more digits",
	}
}
