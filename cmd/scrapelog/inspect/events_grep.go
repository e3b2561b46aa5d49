package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
)

func newEventsGrepCmd() *cobra.Command {
	var filter eventFilter
	var limit int
	var ignoreCase bool
	cmd := &cobra.Command{
		Use:   "grep PATTERN",
		Short: "Print the events that match a regular expression",
		Long: `grep prints the events of which the type, the stream, the data or the metadata, as
JSON, match PATTERN, a regular expression (RE2). Exit 1: none does.`,
		Example: `  scrapelog events grep 'connection re(set|fused)' --since 1h
  scrapelog events grep -i '"actor":"user:' --type 'scraper.*'`,
		Args: term.Exactly("PATTERN"),
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
			pattern := args[0]
			if ignoreCase {
				pattern = "(?i)" + pattern
			}
			wanted, err := regexp.Compile(pattern)
			if err != nil {
				return term.Usagef("events grep: %v", err)
			}
			selected, list, err := filter.begin(ctx, store, out)
			if err != nil {
				return err
			}
			return grepEvents(ctx, store, list, selected, wanted, limit)
		})),
	}
	filter.register(cmd)
	cmd.Flags().BoolVarP(&ignoreCase, "ignore-case", "i", false, "letters match in both cases")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most this many; 0: all")
	return cmd
}

func grepEvents(ctx context.Context, store *eventstore.Store, list *eventList, selected selection, wanted *regexp.Regexp, limit int) error {
	enough := errors.New("enough")
	err := selected.each(ctx, store, 0, func(page []eventstore.Recorded) error {
		page = slices.DeleteFunc(page, func(r eventstore.Recorded) bool { return !mentions(r, wanted) })
		if limit > 0 {
			page = page[:min(len(page), limit-list.Count)]
		}
		if err := addEvents(list, page); err != nil {
			return err
		}
		if limit > 0 && list.Count == limit {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	if err := list.Close(); err != nil || list.Count > 0 {
		return err
	}
	return term.Failf(term.ErrNegative, "no event matches %s", wanted)
}

func mentions(r eventstore.Recorded, wanted *regexp.Regexp) bool {
	if wanted.MatchString(r.Type) || wanted.MatchString(r.Stream) || wanted.Match(r.Data) {
		return true
	}
	metadata, err := json.Marshal(r.Metadata)
	return err == nil && wanted.Match(metadata)
}
