package pages

import (
	"strings"
	"time"

	"scrapelog/projections"
)

var outageTabs = []struct{ open, name string }{{"", "All"}, {"true", "Open"}, {"false", "Ended"}}

// outageLasted is how long an outage lasted, or has lasted so far.
func outageLasted(o projections.Outage, now time.Time) string {
	if o.Open() {
		return "open for " + Took(max(0, now.Sub(o.StartedAt.Time)))
	}
	return Took(time.Duration(*o.DurationMS) * time.Millisecond)
}

// scrapersOf names the first scrapers of an outage.
func scrapersOf(o projections.Outage) string {
	const named = 3
	text := clean(strings.Join(o.Scrapers[:min(len(o.Scrapers), named)], ", "))
	if more := len(o.Scrapers) - named; more > 0 {
		text += " and " + number(int64(more)) + " more"
	}
	return text
}
