package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
)

// statKeys returns what events are counted by; empty: the event is not counted.
var statKeys = map[string]func(eventstore.Recorded) string{
	"type":    func(r eventstore.Recorded) string { return r.Type },
	"scraper": eventstore.Recorded.Scraper,
	"cause":   causeOf,
	"day":     func(r eventstore.Recorded) string { return r.RecordedAt.UTC().Format(time.DateOnly) },
	"hour":    func(r eventstore.Recorded) string { return r.RecordedAt.UTC().Format("2006-01-02T15:00Z") },
}

// causeOf returns the cause of a loss.
func causeOf(r eventstore.Recorded) string {
	var lost struct{ Cause string }
	if json.Unmarshal(r.Data, &lost) != nil {
		return ""
	}
	return lost.Cause
}

// stat counts the events of one key.
type stat struct {
	Key     string    `json:"key"`
	Events  int64     `json:"events"`
	First   int64     `json:"first_position"`
	Last    int64     `json:"last_position"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
}

func newEventsStatsCmd() *cobra.Command {
	var filter eventFilter
	var by string
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count events by type, scraper, cause, day or hour",
		Long: `stats counts events, the most frequent key first; days and hours are in their order,
in UTC. --by cause counts lost connections by their cause.`,
		Example: `  scrapelog events stats
  scrapelog events stats --by cause --since yesterday`,
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			key, known := statKeys[by]
			if !known {
				return term.Usagef("--by: %q is not a key; use type, scraper, cause, day or hour", by)
			}
			selected, err := filter.selection(ctx, store, time.Now())
			if err != nil {
				return err
			}
			stats, err := countEvents(ctx, store, selected, key)
			if err != nil {
				return err
			}
			if by != "day" && by != "hour" {
				slices.SortStableFunc(stats, func(a, b stat) int { return cmp.Compare(b.Events, a.Events) })
			}
			return listStats(out, by, stats)
		})),
	}
	filter.register(cmd)
	cmd.Flags().StringVar(&by, "by", "type", "type, scraper, cause, day or hour")
	return cmd
}

// countEvents returns the counts in the order of their keys.
func countEvents(ctx context.Context, store *eventstore.Store, selected selection, key func(eventstore.Recorded) string) ([]stat, error) {
	counts := map[string]*stat{}
	err := selected.each(ctx, store, 0, func(page []eventstore.Recorded) error {
		for _, r := range page {
			k := key(r)
			if k == "" {
				continue
			}
			s := counts[k]
			if s == nil {
				s = &stat{Key: k, First: r.Position, FirstAt: r.RecordedAt}
				counts[k] = s
			}
			s.Events, s.Last, s.LastAt = s.Events+1, r.Position, r.RecordedAt
		}
		return nil
	})
	var stats []stat
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		stats = append(stats, *counts[k])
	}
	return stats, err
}

func listStats(out *term.Printer, by string, stats []stat) error {
	list := out.List(strings.ToUpper(by), "EVENTS", "~FIRST", "~LAST", "LAST AT")
	for _, s := range stats {
		list.Add(s, s.Key, strconv.FormatInt(s.Events, 10), strconv.FormatInt(s.First, 10), strconv.FormatInt(s.Last, 10), out.Stamp(s.LastAt))
	}
	return list.Close()
}
