package inspect

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// eventFilter holds the flags that select events.
type eventFilter struct {
	since, until         string
	types                []string
	stream, run, scraper string
}

func (f *eventFilter) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "recorded at or after: "+term.WhenHelp)
	flags.StringVar(&f.until, "until", "", "recorded before; a @POSITION is included: "+term.WhenHelp)
	flags.StringSliceVar(&f.types, "type", nil, "only these types: a glob such as 'run.*'; '!run.started' leaves out")
	flags.StringVar(&f.stream, "stream", "", "only this stream: scraper-NAME, or run- and a run's id, a part of it or latest")
	flags.StringVar(&f.run, "run", "", "only this run's, by its id, any part of it of 6 digits or more, or latest")
	flags.StringVar(&f.scraper, "scraper", "", "only this scraper's, its runs' too")
	// The flags are there.
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(slices.Concat(domain.EventTypes, domain.LogEventTypes), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("scraper", scraperNames)
}

// scraperNames completes the name of a scraper from the log.
func scraperNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return term.Complete(cmd, func(ctx context.Context) (names []string, err error) {
		store, err := openLog(ctx, cmd, true)
		if err != nil {
			return nil, err
		}
		defer store.Close()
		guards, err := store.Guards(ctx)
		for _, g := range guards {
			names = append(names, g.Scraper)
		}
		return names, err
	})
}

// begin resolves the filter and begins the list of what it selects.
func (f *eventFilter) begin(ctx context.Context, store *eventstore.Store, out *term.Printer) (selected selection, list *eventList, err error) {
	if selected, err = f.selection(ctx, store, time.Now()); err != nil {
		return selected, nil, err
	}
	list, err = listEvents(ctx, store, out)
	return selected, list, err
}

// selection is a filter resolved against a log: the query of the store, and the
// conditions that are checked event by event.
type selection struct {
	query   eventstore.Query
	none    bool // nothing can match
	types   []string
	scraper string
}

func (f *eventFilter) selection(ctx context.Context, store *eventstore.Store, now time.Time) (selection, error) {
	s := selection{types: f.types, scraper: f.scraper}
	stream, err := f.wholeStream(ctx, store)
	if err != nil {
		return s, err
	}
	s.query.Stream = stream
	for _, pattern := range f.types {
		if _, err := path.Match(strings.TrimPrefix(pattern, "!"), ""); err != nil {
			return s, term.Usagef("--type: %q is not a glob; use one such as 'run.*'", pattern)
		}
	}
	if exact(f.types) {
		s.query.Types = f.types
	}
	since, err := term.ParseWhen("since", f.since, now)
	if err != nil {
		return s, err
	}
	until, err := term.ParseWhen("until", f.until, now)
	if err != nil {
		return s, err
	}
	return s.between(ctx, store, since, until)
}

// wholeStream is the name of the stream that --run or --stream asks for; empty:
// every one.
func (f *eventFilter) wholeStream(ctx context.Context, store *eventstore.Store) (string, error) {
	flag, part := "--run", f.run
	switch {
	case f.run != "" && f.stream != "":
		return "", term.Usagef("--run and --stream exclude each other")
	case domain.NamesRunStream(f.stream):
		flag, part = "--stream", f.stream
	case f.run == "":
		return f.stream, nil
	}
	run, err := projections.FindRun(ctx, store, flag, part)
	return domain.RunStream(run), err
}

// between turns times into positions, which ascend with the time of recording.
func (s selection) between(ctx context.Context, store *eventstore.Store, since, until term.When) (selection, error) {
	first, err := firstPosition(ctx, store, since)
	if err != nil {
		return s, err
	}
	s.query.After = max(0, first-1)
	s.query.Until = until.Position
	if !until.Time.IsZero() {
		end, err := firstPosition(ctx, store, until)
		if err != nil {
			return s, err
		}
		s.query.Until = end - 1
		s.none = end == 1
	}
	return s, nil
}

// firstPosition returns the position of the first event at or after w, one past the
// head if there is none; 0 for the zero value.
func firstPosition(ctx context.Context, store *eventstore.Store, w term.When) (int64, error) {
	if w.Time.IsZero() {
		return w.Position, nil
	}
	return store.FirstSince(ctx, w.Time)
}

func exact(patterns []string) bool {
	return !slices.ContainsFunc(patterns, func(p string) bool { return strings.ContainsAny(p, `!*?[\`) })
}

// matches reports whether an event meets the conditions that the store cannot check.
func (s selection) matches(r eventstore.Recorded) bool {
	return matchesType(s.types, r.Type) && (s.scraper == "" || r.Scraper() == s.scraper)
}

// matchesType: a type must match one of the patterns, if there are any without
// "!", and none of those with it.
func matchesType(patterns []string, eventType string) bool {
	wanted, any := false, false
	for _, pattern := range patterns {
		glob, negated := strings.CutPrefix(pattern, "!")
		hit, err := path.Match(glob, eventType)
		switch {
		case err != nil, negated && hit:
			return false
		case !negated:
			any, wanted = true, wanted || hit
		}
	}
	return wanted || !any
}

// readPage is how many events are read at once.
const readPage = 500

// each yields the matching events in log order, page by page, at most limit of
// them; 0: all.
func (s selection) each(ctx context.Context, store *eventstore.Store, limit int, yield func([]eventstore.Recorded) error) error {
	query := s.query
	query.Limit = readPage
	for left := limit; !s.none; {
		page, err := store.Read(ctx, query)
		if err != nil {
			return err
		}
		more := len(page) == readPage
		if len(page) > 0 {
			query.After = page[len(page)-1].Position
		}
		page = slices.DeleteFunc(page, func(r eventstore.Recorded) bool { return !s.matches(r) })
		if limit > 0 && len(page) >= left {
			page, more = page[:left], false
		}
		left -= len(page)
		if err := yield(page); err != nil || !more {
			return err
		}
	}
	return nil
}

// newest returns the last n matching events up to head, in log order.
func (s selection) newest(ctx context.Context, store *eventstore.Store, head int64, n int) ([]eventstore.Recorded, error) {
	query := s.upTo(head).query
	query.Backward, query.Limit = true, readPage
	var found []eventstore.Recorded
	for query.Until > query.After && !s.none && len(found) < n {
		page, err := store.Read(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			if s.matches(r) && len(found) < n {
				found = append(found, r)
			}
		}
		if len(page) < readPage {
			break
		}
		query.Until = page[len(page)-1].Position - 1
	}
	slices.Reverse(found)
	return found, nil
}

// after returns the part of the selection after a position.
func (s selection) after(position int64) selection {
	s.query.After = max(s.query.After, position)
	return s
}

// upTo returns the part of the selection up to a position.
func (s selection) upTo(position int64) selection {
	if s.query.Until == 0 || s.query.Until > position {
		s.query.Until = position
	}
	s.none = s.none || s.query.Until <= s.query.After
	return s
}
