package pages

import (
	"time"

	"github.com/a-h/templ"
)

// behind is how far the slowest reader is behind.
func (l ProjectionList) behind() (d time.Duration) {
	for _, g := range l.Projections {
		if g.Lag > 0 {
			d = max(d, g.Behind)
		}
	}
	return d
}

func (l ProjectionList) blocked() (names []string) {
	for _, g := range l.Projections {
		if g.BlockedBy != "" {
			names = append(names, g.Name)
		}
	}
	return names
}

func (l ProjectionList) deadLetters() (n int64) {
	for _, g := range l.Projections {
		n += g.DeadLetters
	}
	return n
}

// troubled reports whether the headline is bad news.
func (l ProjectionList) troubled(c Chrome) bool {
	return len(l.blocked()) > 0 || l.deadLetters() > 0 || l.GivenUp > 0 || !c.File.Since.IsZero() || !c.Away.Since.IsZero() || c.Sealing != ""
}

// headline says how the system is, the worst first.
func (l ProjectionList) headline(c Chrome) string {
	switch names := l.blocked(); {
	case !c.Away.Since.IsZero():
		return "System: the database is away"
	case len(names) > 0:
		return "System: " + listText(names) + " blocked"
	case c.Sealing != "":
		return "System: the log is not sealed"
	case l.deadLetters() > 0:
		return "System: " + plural(l.deadLetters(), "dead letter")
	case !c.File.Since.IsZero():
		return "System: the configuration file is refused"
	case l.GivenUp > 0:
		return "System: " + plural(l.GivenUp, "notice") + " given up"
	}
	return "System: all is well"
}

// systemFigure is a figure that leads to its section.
type systemFigure struct {
	name, value string
	to          templ.SafeURL
}

func (l ProjectionList) figures() []systemFigure {
	lag := "0" + unit + "s"
	if d := l.behind(); d > 0 {
		lag = Took(d)
	}
	return []systemFigure{
		{"serving this log", plural(int64(len(l.Instances)), "instance"), "#instances"},
		{"the slowest reader is behind", lag, "#readers"},
		{"dead letters", number(l.deadLetters()), "#dead-letters"},
		{"notices given up", number(l.GivenUp), "#notices"},
	}
}
