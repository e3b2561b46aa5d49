package pages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"scrapelog/projections"
)

// OutageYear is what the last year had of outages.
type OutageYear struct {
	Now  time.Time
	Days []projections.OutageDay // that had any, the oldest first
	Open []projections.Outage    // outages that have not ended
	More bool                    // there are more of them
}

const aDay = 24 * time.Hour

// weeks is how many columns the map of a year has.
const weeks = 53

// From is the first day of the map: a Monday.
func (y OutageYear) From() time.Time {
	today := y.Now.UTC().Truncate(aDay)
	monday := today.AddDate(0, 0, -(int(today.Weekday())+6)%7)
	return monday.AddDate(0, 0, -7*(weeks-1))
}

// dayOfYear is a day with the part of the open outages.
type dayOfYear struct {
	projections.OutageDay
	at    time.Time
	day   string
	away  time.Duration
	began int64
	link  templ.SafeURL
}

// rows are the days that had an outage, the newest first. The days that an open outage has
// touched so far are among them.
func (y OutageYear) rows() (rows []dayOfYear) {
	of := map[string]*dayOfYear{}
	for _, d := range y.Days {
		of[d.Day] = &dayOfYear{OutageDay: d, day: d.Day, away: d.Away, began: d.Began}
	}
	for _, o := range y.Open {
		for from := o.StartedAt.Time; from.Before(y.Now); from = from.Truncate(aDay).Add(aDay) {
			if from.Before(y.From()) {
				continue
			}
			name := from.UTC().Format(time.DateOnly)
			if of[name] == nil {
				of[name] = &dayOfYear{day: name}
			}
			until := from.Truncate(aDay).Add(aDay)
			if until.After(y.Now) {
				until = y.Now
			}
			of[name].away += until.Sub(from)
			if took := y.Now.Sub(o.StartedAt.Time); took > of[name].Longest {
				of[name].Longest, of[name].LongestID = took, o.ID
			}
		}
	}
	for _, d := range of {
		d.at, _ = time.Parse(time.DateOnly, d.day)
		d.link = d.to()
		rows = append(rows, *d)
	}
	slices.SortFunc(rows, func(a, b dayOfYear) int { return b.at.Compare(a.at) })
	return rows
}

// to leads to the outages that began on the day, or to the one that lasted through it.
func (d dayOfYear) to() templ.SafeURL {
	if d.began == 0 && d.Longest > 0 {
		return outageURL(d.LongestID)
	}
	return templ.SafeURL("/outages" + query("since", d.day, "until", d.at.AddDate(0, 0, 1).Format(time.DateOnly)))
}

func (d dayOfYear) awayText() string {
	if d.away == 0 {
		return ""
	}
	return Took(d.away)
}

// heat are the looks of a day by its minutes away.
var heat = []struct {
	class, word string
	from        time.Duration
}{
	{"heat-0", "none", 0}, {"heat-1", "under 5 min", 1}, {"heat-2", "under 30 min", 5 * time.Minute}, {"heat-3", "under 2 h", 30 * time.Minute},
	{"heat-4", "2 h and more", 2 * time.Hour},
}

// dayCell is a day of the map. Its coordinates are ready to be written.
type dayCell struct {
	x, y, class, title string
	link               templ.SafeURL
}

// The measures of the map.
const (
	cellStep = 13
	cellTop  = 14
	cellLeft = 26
)

func (y OutageYear) viewBox() string {
	return fmt.Sprintf("0 0 %d %d", cellLeft+weeks*cellStep-2, cellTop+7*cellStep-2)
}

// place returns the corner of a day's cell.
func (y OutageYear) place(day time.Time) (x, top int) {
	n := int(day.Sub(y.From()) / aDay)
	return cellLeft + n/7*cellStep, cellTop + n%7*cellStep
}

// cells are the days with time away.
func (y OutageYear) cells() (cells []dayCell) {
	for _, d := range y.rows() {
		if d.away == 0 {
			continue
		}
		x, top := y.place(d.at)
		c := dayCell{x: strconv.Itoa(x), y: strconv.Itoa(top), link: d.link}
		for _, h := range heat {
			if d.away >= h.from {
				c.class = h.class
			}
		}
		c.title = d.at.Format("Mon 2 Jan 2006") + ": away " + Took(d.away) + ", " + plural(d.began, "outage") + " began"
		cells = append(cells, c)
	}
	return cells
}

// quietDays is a path of the cells of the days without an outage.
func (y OutageYear) quietDays() string {
	away := map[string]bool{}
	for _, d := range y.rows() {
		away[d.day] = d.away > 0
	}
	var path strings.Builder
	for day := y.From(); !day.After(y.Now); day = day.AddDate(0, 0, 1) {
		if !away[day.Format(time.DateOnly)] {
			x, top := y.place(day)
			fmt.Fprintf(&path, "M%d %dh11v11h-11z", x, top)
		}
	}
	return path.String()
}

// months are the labels above the first whole week of each month.
func (y OutageYear) months() (marks []axisMark) {
	for week := range weeks - 1 {
		monday := y.From().AddDate(0, 0, 7*week)
		if monday.Day() <= 7 {
			marks = append(marks, axisMark{x: strconv.Itoa(cellLeft + week*cellStep), label: monday.Format("Jan")})
		}
	}
	return marks
}

// sums is what the days come to.
func (y OutageYear) sums() (began, watchers int64, away, longest time.Duration) {
	for _, d := range y.rows() {
		began, watchers, away, longest = began+d.began, watchers+d.Watchers, away+d.away, max(longest, d.Longest)
	}
	return began, watchers, away, longest
}

type figure struct{ name, value string }

func (y OutageYear) figures() []figure {
	began, watchers, away, longest := y.sums()
	took := func(d time.Duration) string {
		if d == 0 {
			return "–"
		}
		return Took(d)
	}
	return []figure{
		{"outages began in the last year", number(began)}, {"away, all origins together", took(away)}, {"the longest outage", took(longest)},
		{"runs whose watcher had gone, which is no outage", number(watchers)},
	}
}

// headline says whether an outage is open.
func (y OutageYear) headline() string {
	if len(y.Open) > 0 {
		return "Outages,"
	}
	return "Outages, none open"
}

func (y OutageYear) openText() string {
	switch {
	case y.More:
		return "more than " + number(int64(len(y.Open))) + " open"
	case len(y.Open) > 0:
		return number(int64(len(y.Open))) + " open"
	}
	return ""
}

// sentence describes the map to those who do not see it.
func (y OutageYear) sentence() string {
	began, _, away, _ := y.sums()
	text := fmt.Sprintf("Minutes away on each day of the last year: %s on %s", plural(began, "outage"), plural(int64(len(y.cells())), "day"))
	if away > 0 {
		text += ", away for " + Took(away)
	}
	return text
}

// spanText says when the outages of the list began; empty: at any time.
func (l OutageList) spanText() string {
	since, err := time.Parse(time.DateOnly, l.Since)
	switch {
	case l.Since == "" && l.Until == "":
		return ""
	case err == nil && l.Until == since.AddDate(0, 0, 1).Format(time.DateOnly):
		return "began on " + since.Format("Mon 2 Jan 2006")
	case l.Until == "":
		return "began since " + clean(l.Since)
	case l.Since == "":
		return "began before " + clean(l.Until)
	}
	return "began since " + clean(l.Since) + " and before " + clean(l.Until)
}
