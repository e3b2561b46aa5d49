package filter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

// Keys lists the keys of terms, in the order in which people read them.
var Keys = []string{"scraper", "status", "trigger", "since", "until", "short"}

// mostTerms is how many terms a filter may have.
const mostTerms = 20

// Term is a part of a filter: "status:failed".
type Term struct {
	Key   string // one of Keys; empty: Value is a part of a name or of an id
	Value string
	Err   *domain.FieldError // why the term does not apply; nil: it does
}

// NewTerm returns a term that has not been checked.
func NewTerm(key, value string) Term {
	return Term{Key: key, Value: strings.ReplaceAll(value, `"`, "")}
}

func (t Term) String() string {
	value := t.Value
	if value == "" || strings.ContainsAny(value, " \t") {
		value = `"` + value + `"`
	}
	if t.Key == "" {
		return value
	}
	return t.Key + ":" + value
}

// Text returns terms as a person writes them.
func Text(terms ...Term) string {
	words := make([]string, len(terms))
	for i, t := range terms {
		words[i] = t.String()
	}
	return strings.Join(words, " ")
}

// Runs is a filter of runs. A term with an error does not apply; the others do.
type Runs struct {
	Terms        []Term
	Filter       projections.RunFilter // without its times, which may be positions of the log
	Since, Until When
}

// ParseRuns parses the text of a filter. Dates without a zone are in that of now.
func ParseRuns(text string, now time.Time) Runs {
	var r Runs
	for _, word := range split(text) {
		t := Term{Value: word}
		if key, value, ok := strings.Cut(word, ":"); ok {
			t = Term{Key: strings.ToLower(key), Value: value}
		}
		t.Value = strings.ReplaceAll(t.Value, `"`, "")
		switch {
		case len(r.Terms) == mostTerms:
			r.Terms[mostTerms-1].Err = wrong("filter", "has more terms than are read", fmt.Sprintf("use at most %d", mostTerms))
			return r
		case !domain.Line(t.Value):
			t.Err = wrong(t.name(), "is too long or holds what is no text", fmt.Sprintf("use up to %d bytes without control characters", domain.MaxText))
		case t.Key != "" && t.Value == "":
			t.Err = wrong(t.name(), "has no value", "write it behind the colon, such as status:failed")
		default:
			t.Err = r.add(t, now)
		}
		r.Terms = append(r.Terms, t)
	}
	return r
}

// Err returns the error of the first term that does not apply.
func (r Runs) Err() error {
	for _, t := range r.Terms {
		if t.Err != nil {
			return t.Err
		}
	}
	return nil
}

// Without returns the terms but for those of a key.
func (r Runs) Without(key string) []Term {
	return slices.DeleteFunc(slices.Clone(r.Terms), func(t Term) bool { return t.Key == key })
}

// name is what an error calls the term.
func (t Term) name() string {
	if t.Key == "" {
		return "text"
	}
	return fmt.Sprintf("%.40s", t.Key)
}

func wrong(field, problem, want string) *domain.FieldError {
	return &domain.FieldError{Field: field, Problem: problem, Want: want}
}

// split divides a text at its spaces, but for those between double quotes.
func split(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return !quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\r')
	})
}

// add applies a term to the filter.
func (r *Runs) add(t Term, now time.Time) *domain.FieldError {
	f := &r.Filter
	switch t.Key {
	case "":
		f.Text = strings.TrimSpace(f.Text + " " + t.Value)
		return nil
	case "status":
		return r.statuses(t.Value)
	case "scraper":
		if !domain.ValidScraperName(t.Value) {
			return wrong("scraper", fmt.Sprintf("%.80q is not a scraper name", t.Value), "use 1 to 63 of a-z, 0-9 and -; a part of a name is written without scraper:")
		}
		return once(t.Key, &f.Scraper, t.Value)
	case "trigger":
		trigger := domain.Trigger(strings.ToLower(t.Value))
		if err := nearer(trigger.Check("trigger"), t.Value, domain.Triggers[:]); err != nil {
			return err
		}
		return once(t.Key, &f.Trigger, trigger)
	case "since":
		return instant(t, &r.Since, now)
	case "until":
		return instant(t, &r.Until, now)
	case "short":
		if t.Value != "true" {
			return wrong("short", fmt.Sprintf("%.40q is not a filter", t.Value), "use true, or leave it out")
		}
		return once(t.Key, &f.Short, true)
	}
	want := "use " + strings.Join(Keys, ":, ") + ":"
	if nearest := domain.Nearest(t.Key, Keys); nearest != "" {
		want = "did you mean " + nearest + ":?"
	}
	return wrong("filter", fmt.Sprintf("%.40q is not one", t.Key+":"), want)
}

// statuses adds statuses that are separated by commas.
func (r *Runs) statuses(list string) *domain.FieldError {
	var all []domain.RunStatus
	for word := range strings.SplitSeq(list, ",") {
		status := domain.RunStatus(strings.ToLower(word))
		if err := nearer(status.Check("status"), word, domain.Statuses[:]); err != nil {
			return err
		}
		all = append(all, status)
	}
	r.Filter.Statuses = append(r.Filter.Statuses, all...)
	return nil
}

// nearer names the word of known that was probably meant in an error.
func nearer[T ~string](err error, word string, known []T) *domain.FieldError {
	is, ok := errors.AsType[*domain.FieldError](err)
	if !ok {
		return nil
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	is.Want = cmp.Or(domain.DidYouMean(word, words), is.Want)
	return is
}

func instant(t Term, into *When, now time.Time) *domain.FieldError {
	when, err := ParseWhen(t.Key, t.Value, now)
	if is, ok := errors.AsType[*domain.FieldError](err); ok {
		return is
	}
	return once(t.Key, into, when)
}

// once sets what a filter has one of.
func once[T comparable](key string, into *T, value T) *domain.FieldError {
	var unset T
	if *into != unset && *into != value {
		return wrong(key, "is given twice", "leave one of them out")
	}
	*into = value
	return nil
}
