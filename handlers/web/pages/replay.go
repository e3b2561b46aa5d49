package pages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections/replay"
)

// comparisonText returns what a replay has found, and what to do about it.
func comparisonText(c replay.Comparison) string {
	if c.Equal {
		return "The pages show what the log says."
	}
	var text []string
	if c.Differing > 0 {
		text = append(text, "The log disagrees with "+plural(int64(c.Differing), "row")+" that pages show.")
	}
	for _, p := range c.Projections {
		if p.Ahead {
			text = append(text, clean(p.Name)+" is at event "+number(p.Kept)+", beyond the end of the log: the log was cut or replaced by an older one.")
		}
	}
	return strings.Join(append(text, "The log is right; a rebuild makes the pages right."), " ")
}

func rowsText(p replay.ProjectionResult) string {
	text := plural(int64(p.Rows), "row") + " compared"
	if p.Differing > 0 {
		text += ", " + number(int64(p.Differing)) + " of them different"
	}
	if p.Changed > 0 {
		text += "; " + number(int64(p.Changed)) + " more changed during the replay"
	}
	return text
}

// rowURL is where a row is shown.
func rowURL(d replay.Difference) templ.SafeURL {
	switch d.Table {
	case "runs":
		if id, err := uuid.Parse(d.Key); err == nil {
			return runURL(id)
		}
	case "scrapers":
		return scraperURL(d.Key)
	case "run_counts":
		return statusURL(domain.RunStatus(d.Key))
	}
	return "/projections"
}

func rowText(d replay.Difference) string {
	switch d.Table {
	case "runs":
		if id, err := uuid.Parse(d.Key); err == nil {
			return "run " + short(id)
		}
	case "scrapers":
		return "scraper " + clean(d.Key)
	case "run_counts":
		return "number of runs: " + clean(d.Key)
	}
	return clean(d.Table + " " + d.Key)
}

type differingColumn struct{ name, kept, replayed string }

// differing lists what differs. Of what is kept from roles that may only view, it says that
// it does.
func differing(d replay.Difference, masked bool) []differingColumn {
	switch d.Kind {
	case replay.RowMissing:
		return []differingColumn{{kept: "it is missing", replayed: "it is there"}}
	case replay.RowExtra:
		return []differingColumn{{kept: "it is there", replayed: "no event makes it"}}
	default: // the row is in both
	}
	var columns []differingColumn
	for _, c := range d.Columns {
		if masked && (c.Name == "config" || c.Name == "params") {
			columns = append(columns, differingColumn{c.Name, domain.Mask, domain.Mask})
			continue
		}
		columns = append(columns, differingColumn{clean(c.Name), columnText(c.Name, c.Kept), columnText(c.Name, c.Replayed)})
	}
	return columns
}

// columnText is a value of a row, cut to what fits a table. Rows have times in
// microseconds.
func columnText(column string, value any) string {
	const most = 120
	if value == nil {
		return "nothing"
	}
	micros, err := strconv.ParseInt(fmt.Sprint(value), 10, 64)
	if err == nil && (strings.HasSuffix(column, "_at") || strings.HasSuffix(column, "_due") || strings.HasSuffix(column, "_since")) {
		return Instant(time.UnixMicro(micros))
	}
	return clean(domain.Shorten(fmt.Sprint(value), most))
}
