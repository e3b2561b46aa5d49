package worker

import (
	"fmt"
	"slices"
	"strings"

	"scrapelog/domain"
)

// ending is how the crawl of a platform ended.
type ending struct {
	platform string
	pages    int
	why      string // empty: there was nothing to follow
	empty    bool   // the first page has no items
	invalid  int    // characters that could not be decoded
	encoding string // of the first of them
}

func (e *ending) undecoded(text decoded) {
	if text.invalid > 0 && e.invalid == 0 {
		e.encoding = text.name
	}
	e.invalid += text.invalid
}

// odd reports whether a person should read about the ending.
func (e ending) odd() bool {
	return e.empty || e.invalid > 0 || e.why != "" && e.why != "no next link"
}

func (e ending) String() string {
	said := []string{counted(e.pages, "page")}
	if e.why != "" {
		said = append(said, "ended: "+e.why)
	}
	if e.empty {
		said = append(said, "first page has no items")
	}
	if e.invalid > 0 {
		said = append(said, counted(e.invalid, "character")+" could not be decoded as "+e.encoding)
	}
	return strings.Join(said, "; ")
}

// note returns how the crawl of each platform ended, the odd ones first.
func note(endings []ending) string {
	if len(endings) == 1 {
		return fit(endings[0].String(), domain.MaxNote)
	}
	endings = slices.Clone(endings)
	slices.SortStableFunc(endings, func(a, b ending) int {
		switch {
		case a.odd() == b.odd():
			return 0
		case a.odd():
			return -1
		}
		return 1
	})
	var said []string
	for _, e := range endings {
		said = append(said, e.platform+": "+e.String())
	}
	return fit(strings.Join(said, ". "), domain.MaxNote)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
