package pages

import (
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"scrapelog/domain"
	"scrapelog/handlers/filter"
	"scrapelog/projections"
)

// Counted is how far runs are counted that a filter chooses.
const Counted = 500

// RunList is a page of runs under a filter.
type RunList struct {
	filter.Runs
	Cursor  string
	Counts  projections.Counts // of all runs
	Within  projections.Counts // of those that the filter chooses, up to one more than Counted; nil: it leaves nothing out
	Shown   []Run
	Next    string   // the cursor of the next page, if there is one
	Names   []string // the first scrapers, up to one more than NamesListed
	Search  []string // the scrapers that the filter's text means
	More    bool     // there are more of them
	Missing string   // the scraper that the filter names and that there never was
}

// Narrowed reports whether the filter leaves anything out beside the status.
func Narrowed(r filter.Runs) bool {
	f := r.Filter
	f.Statuses = nil
	return f.Scraper != "" || f.Text != "" || f.Trigger != "" || f.Short || r.Since != (filter.When{}) || r.Until != (filter.When{})
}

// runsURL is the list of runs under a filter.
func runsURL(cursor string, terms ...filter.Term) templ.SafeURL {
	return templ.SafeURL("/runs" + query("q", filter.Text(terms...), "cursor", cursor))
}

// without is the list without one of its terms.
func (l RunList) without(i int) templ.SafeURL {
	return runsURL("", slices.Delete(slices.Clone(l.Terms), i, i+1)...)
}

// of is the list of the runs of a status; empty: of every status.
func (l RunList) of(status domain.RunStatus) templ.SafeURL {
	terms := l.Without("status")
	if status != "" {
		terms = append(terms, filter.NewTerm("status", string(status)))
	}
	return runsURL("", terms...)
}

// chosen reports whether the list is that of a status.
func (l RunList) chosen(status domain.RunStatus) bool {
	if status == "" {
		return len(l.Filter.Statuses) == 0
	}
	return slices.Contains(l.Filter.Statuses, status)
}

// offered are terms that the field proposes.
func (l RunList) offered() (terms []string) {
	if len(l.Names) <= NamesListed {
		for _, name := range l.Names {
			terms = append(terms, "scraper:"+name)
		}
	}
	for _, status := range domain.Statuses {
		terms = append(terms, "status:"+string(status))
	}
	for _, trigger := range domain.Triggers {
		terms = append(terms, "trigger:"+string(trigger))
	}
	return append(terms, "short:true", "since:today", "since:-1h")
}

// searchedText names the scrapers whose runs a text found.
func (l RunList) searchedText() string {
	text := "“" + clean(l.Filter.Text) + "” is in the name of "
	if !l.More {
		return text + listText(l.Search) + "."
	}
	return text + "more than " + number(int64(len(l.Search))) + " scrapers. These are searched: " + strings.Join(l.Search, ", ") + "."
}

// missingText says that there never was a scraper of the filter's name.
func (l RunList) missingText() string {
	text := "There is no scraper " + clean(l.Missing)
	if meant := domain.DidYouMean(l.Missing, l.Names); meant != "" {
		return text + "; " + meant
	}
	return text + "."
}

// dayText names the day of an instant, as seen from another one.
func dayText(t, now time.Time) string {
	day := func(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
	text := t.UTC().Format("Mon 2 Jan 2006")
	switch int(day(now).Sub(day(t)) / (24 * time.Hour)) {
	case 0:
		return "Today, " + text
	case 1:
		return "Yesterday, " + text
	}
	return text
}

// begins reports whether a run is the first of its day in a list, newest first.
func begins(runs []Run, i int) bool {
	return i == 0 || runs[i].StartedAt.UTC().YearDay() != runs[i-1].StartedAt.UTC().YearDay() || runs[i-1].StartedAt.Sub(runs[i].StartedAt.Time) > 24*time.Hour
}
