package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections/replay"
)

func newAuditDiffCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "diff A B",
		Example: "  scrapelog audit diff 0 10\n  scrapelog audit diff -- -2h -1h",
		Short:   "Print what changed between two positions or times",
		Long: `diff replays the log up to A and on to B and prints what changed in between:
events by type, counts, runs, scrapers and outages. A point is a position, 0 for the
beginning, or a time: -1h, today or RFC 3339. A time stands for the last event
before it. A negative time comes after "--", as in: audit diff -- -2h -1h`,
		Args: term.Exactly("A", "B"),
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
			var points [2]int64
			for i, arg := range args {
				var err error
				if points[i], err = positionOf(ctx, store, []string{"A", "B"}[i], arg); err != nil {
					return err
				}
			}
			span, err := replay.Diff(ctx, store, points[0], points[1], out.Progress("replay"))
			if err != nil {
				return err
			}
			return showSpan(out, span)
		})),
	}
}

func showSpan(out *term.Printer, s replay.Span) error {
	if !out.IsTable() {
		return out.Document(s)
	}
	list := out.List("WHAT", "NAME", "FIELD", "BEFORE", "AFTER")
	add := func(cells ...string) { list.Add(nil, cells...) }
	add("log", "", "position", strconv.FormatInt(s.From.Position, 10), strconv.FormatInt(s.To.Position, 10))
	add("log", "", "recorded_at", stampOrNothing(s.From.RecordedAt), stampOrNothing(s.To.RecordedAt))
	for _, name := range s.EventNames() {
		add("events", name, "", "", fmt.Sprintf("+%d", s.Events[name]))
	}
	for _, status := range domain.Statuses {
		if before, after := s.From.Counts[status], s.To.Counts[status]; before != after {
			add("runs", string(status), "", strconv.FormatInt(before, 10), strconv.FormatInt(after, 10))
		}
	}
	if before, after := *s.From.Scrapers, *s.To.Scrapers; before != after {
		add("scrapers", "in service", "", strconv.Itoa(before), strconv.Itoa(after))
	}
	for _, c := range s.Runs {
		addChanges(add, "run", c.After.ID.String(), fieldsOf(c.Before), fieldsOf(&c.After), "scraper", "trigger", "status")
	}
	for _, c := range s.Scrapers {
		addChanges(add, "scraper", c.After.Name, fieldsOf(c.Before), fieldsOf(&c.After), "source", "config.url", "config.schedule")
	}
	for _, c := range s.Outages {
		addChanges(add, "outage", c.After.ID.String(), fieldsOf(c.Before), fieldsOf(&c.After), "origin", "cause", "started_at", "ended_at", "runs_lost")
	}
	return list.Close()
}

// addChanges adds a row for each field that changed; for a new object, for the fields
// ofNew only.
func addChanges(add func(cells ...string), what, name string, before, after map[string]string, ofNew ...string) {
	fields := maps.Clone(after)
	maps.Copy(fields, before)
	for _, always := range []string{"position", "last_position"} { // they always change
		delete(fields, always)
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if before[field] == after[field] || before == nil && !slices.Contains(ofNew, field) {
			continue
		}
		add(what, name, field, orDash(before[field]), orDash(after[field]))
	}
}

func orDash(text string) string {
	if text == "" {
		return valueText(nil)
	}
	return valueText(text)
}

// fieldsOf flattens the JSON of a value: the path of each field, and what it says.
func fieldsOf[T any](value *T) map[string]string {
	if value == nil {
		return nil
	}
	doc, err := json.Marshal(value)
	var fields map[string]any
	if err == nil {
		err = json.Unmarshal(doc, &fields)
	}
	if err != nil {
		return map[string]string{"": err.Error()}
	}
	flat := map[string]string{}
	flatten(flat, "", fields)
	return flat
}

func flatten(into map[string]string, at string, fields map[string]any) {
	for key, value := range fields {
		switch value := value.(type) {
		case map[string]any:
			flatten(into, at+key+".", value)
		case string:
			into[at+key] = value
		default:
			text, _ := json.Marshal(value) // it was JSON
			into[at+key] = string(text)
		}
	}
}
