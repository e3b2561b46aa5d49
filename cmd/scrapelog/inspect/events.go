package inspect

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/words"
)

// Events returns "scrapelog events".
func Events() *cobra.Command {
	return databaseGroup(&cobra.Command{
		Use:   "events",
		Short: "Read the log",
		Long:  "events opens the database directly, beside a running server too; only import writes.",
	}, newEventsListCmd(), newEventsShowCmd(), newEventsTailCmd(), newEventsGrepCmd(), newEventsStatsCmd(),
		newEventsExportCmd(), newEventsImportCmd(), newEventsVerifyCmd(), newDeadLettersCmd())
}

// reading opens the log for a command that only reads.
func reading(do func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error) term.Action {
	return func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
		store, err := openLog(ctx, cmd, true)
		if err != nil {
			return err
		}
		defer store.Close()
		return do(ctx, store, out, args)
	}
}

func newEventsListCmd() *cobra.Command {
	var filter eventFilter
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Example: "  scrapelog events list --since -1h --type 'run.*'\n  scrapelog events list --scraper shop-prices -o csv",
		Short:   "Print events in log order",
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			selected, list, err := filter.begin(ctx, store, out)
			if err != nil {
				return err
			}
			err = selected.each(ctx, store, limit, func(page []eventstore.Recorded) error { return addEvents(list, page) })
			if err != nil {
				return err
			}
			return list.Close()
		})),
	}
	filter.register(cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most this many; 0: all")
	return cmd
}

func newEventsShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "show POSITION",
		Short: "Show one event, what caused it and what it caused",
		Long: `show prints an event with its data. caused by is the event that led to it, and led to
are those that followed from it in the 10,000 positions after it. POSITION may be latest.`,
		Example: "  scrapelog events show 42\n  scrapelog events show latest --jq .data",
		Args:    term.Exactly("POSITION"),
		RunE: term.RunWithin(term.ReadTimeout, reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
			r, err := eventNamed(ctx, store, args[0])
			if err != nil {
				return err
			}
			return showEvent(ctx, store, out, r)
		})),
	}
}

// parsePosition parses the argument POSITION.
func parsePosition(text string) (int64, error) {
	position, err := strconv.ParseInt(text, 10, 64)
	if err != nil || position < 1 {
		return 0, term.Usagef("%q is not a position; use 1, 2, 3 …", text)
	}
	return position, nil
}

// eventNamed returns the event at a position, or the last one.
func eventNamed(ctx context.Context, store *eventstore.Store, name string) (eventstore.Recorded, error) {
	position, err := strconv.ParseInt(strings.TrimPrefix(name, "@"), 10, 64)
	if name == "latest" {
		if position, err = store.Head(ctx); err == nil && position == 0 {
			err = fmt.Errorf("latest: the log is empty: %w", domain.ErrNotFound)
		}
		if err != nil {
			return eventstore.Recorded{}, err
		}
	}
	if err != nil || position < 1 {
		return eventstore.Recorded{}, term.Usagef("%q is not a position; use 1, 2, 3 … or latest", name)
	}
	return store.ByPosition(ctx, position)
}

func showEvent(ctx context.Context, store *eventstore.Store, out *term.Printer, r eventstore.Recorded) error {
	m := r.Metadata
	actor := m["actor"]
	var pairs [][2]string
	if out.IsTable() {
		var err error
		if pairs, err = causesOf(ctx, store, r); err != nil {
			return err
		}
		if actor, err = actorText(ctx, store, actor); err != nil {
			return err
		}
	}
	pretty := ""
	if out.IsTable() {
		pretty = out.PrettyJSON(r.Data)
	}
	if pretty == "" {
		pairs = append(pairs, [2]string{"data", string(r.Data)})
	}
	err := out.Facts(r, append([][2]string{
		[2]string{"position", strconv.FormatInt(r.Position, 10)}, [2]string{"type", r.Type},
		[2]string{"stream", r.Stream}, [2]string{"version", strconv.FormatInt(r.Version, 10)}, [2]string{"id", r.ID.String()},
		[2]string{"recorded at", term.StampMillis(r.RecordedAt)}, [2]string{"actor", actor}, [2]string{"instance", m["instance"]},
		[2]string{"correlation", m["correlation_id"]}, [2]string{"causation", m["causation_id"]}, [2]string{"traceparent", m["traceparent"]},
	}, pairs...)...)
	if err == nil && pretty != "" {
		_, err = fmt.Fprintf(out, "data\n%s\n", pretty)
	}
	return err
}

// followedWithin is how many events before and after one are searched for its cause and
// for what it led to.
const followedWithin = 10_000

// causesOf returns the lines about the cause of an event and about what it led to.
func causesOf(ctx context.Context, store *eventstore.Store, r eventstore.Recorded) (lines [][2]string, err error) {
	line := func(what string, e eventstore.Recorded) {
		lines = append(lines, [2]string{what, fmt.Sprintf("%d %s %s", e.Position, e.Type, e.Stream)})
	}
	if cause := r.Metadata["causation_id"]; cause != "" && r.Position > 1 {
		before, err := store.Read(ctx, eventstore.Query{Until: r.Position - 1, Backward: true, Limit: followedWithin})
		if err != nil {
			return nil, err
		}
		for _, e := range before {
			if e.ID.String() == cause {
				line("caused by", e)
			}
		}
	}
	after, err := store.Read(ctx, eventstore.Query{After: r.Position, Limit: followedWithin})
	for _, e := range after {
		if e.Metadata["causation_id"] == r.ID.String() {
			line("led to", e)
		}
	}
	return lines, err
}

// actorText is an actor with its name, if it has one.
func actorText(ctx context.Context, store *eventstore.Store, actor string) (string, error) {
	names, err := credentials.New(store, "").Names(ctx)
	if name := names[actor]; name != "" {
		actor += ", " + name
	}
	return actor, err
}

// eventList prints events. In tables for people actors have their names.
type eventList struct {
	*term.Listing
	named *strings.Replacer
}

func listEvents(ctx context.Context, store *eventstore.Store, out *term.Printer) (*eventList, error) {
	list := &eventList{out.List("POSITION", "RECORDED", "TYPE", "~STREAM", "SUMMARY"), strings.NewReplacer()}
	if !out.IsTable() {
		return list, nil
	}
	names, err := credentials.New(store, "").Names(ctx)
	var pairs []string
	for actor, name := range names {
		pairs = append(pairs, actor, name)
	}
	list.named = strings.NewReplacer(pairs...)
	return list, err
}

func addEvents(list *eventList, events []eventstore.Recorded) error {
	for _, r := range events {
		says := list.named.Replace(summary(r))
		if err := list.Add(r, strconv.FormatInt(r.Position, 10), list.StampMillis(r.RecordedAt), r.Type, streamText(list.Printer, r.Stream), says); err != nil {
			return err
		}
	}
	return nil
}

// summary returns one line about an event; for an event of an unknown type, its data.
func summary(r eventstore.Recorded) string {
	e, err := r.Event()
	if e == nil || err != nil {
		return string(r.Data)
	}
	return words.Brief(e)
}

// streamText is the name of a stream as a table shows it.
func streamText(out *term.Printer, stream string) string {
	if run, ok := domain.RunOfStream(stream); ok {
		return strings.TrimSuffix(stream, run.String()) + out.ID(run)
	}
	return stream
}
