package inspect

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Events returns "scrapelog events".
func Events() *cobra.Command {
	group := term.RequireSubcommand(&cobra.Command{
		Use:   "events",
		Short: "Read the log",
		Long:  "events opens the database directly and reads only, beside a running server too.",
	})
	flags := &term.DataFlags{}
	flags.Register(group)
	config.AddDatabaseFlag(group)
	group.AddCommand(newEventsListCmd(flags), newEventsShowCmd(flags), newEventsTailCmd(flags), newEventsVerifyCmd(flags), newDeadLettersCmd(flags))
	return group
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

func newEventsListCmd(flags *term.DataFlags) *cobra.Command {
	var filter eventFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print events in log order",
		Args:  term.Exactly(),
		RunE: flags.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			selected, err := filter.selection(ctx, store, time.Now())
			if err != nil {
				return err
			}
			list := listEvents(out)
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

func newEventsShowCmd(flags *term.DataFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "show POSITION",
		Short: "Show one event",
		Args:  term.Exactly("POSITION"),
		RunE: flags.RunWithin(term.ReadTimeout, reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
			position, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || position < 1 {
				return term.Usagef("%q is not a position; use 1, 2, 3 …", args[0])
			}
			r, err := store.ByPosition(ctx, position)
			if err != nil {
				return err
			}
			return showEvent(out, r)
		})),
	}
}

func showEvent(out *term.Printer, r eventstore.Recorded) error {
	m := r.Metadata
	return out.Facts(r,
		[2]string{"position", strconv.FormatInt(r.Position, 10)}, [2]string{"type", r.Type},
		[2]string{"stream", r.Stream}, [2]string{"version", strconv.FormatInt(r.Version, 10)}, [2]string{"id", r.ID.String()},
		[2]string{"recorded at", term.StampMillis(r.RecordedAt)}, [2]string{"actor", m["actor"]}, [2]string{"instance", m["instance"]},
		[2]string{"correlation", m["correlation_id"]}, [2]string{"causation", m["causation_id"]}, [2]string{"traceparent", m["traceparent"]},
		[2]string{"data", string(r.Data)},
	)
}

func newEventsTailCmd(flags *term.DataFlags) *cobra.Command {
	var filter eventFilter
	var n int
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print the newest events, and with -f those to come",
		Args:  term.Exactly(),
		RunE: flags.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			if follow && out.Format == "json" && out.JQ == nil {
				return term.Usagef("tail -f: a JSON array would never end; use -o ndjson")
			}
			if follow && out.Format == "json" {
				out.Format = "ndjson" // --jq filters event by event
			}
			selected, err := filter.selection(ctx, store, time.Now())
			if err != nil {
				return err
			}
			return tailEvents(ctx, store, listEvents(out), selected, n, follow)
		})),
	}
	filter.register(cmd)
	cmd.Flags().IntVarP(&n, "lines", "n", 10, "how many events to begin with")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is recorded from now on")
	return cmd
}

func tailEvents(ctx context.Context, store *eventstore.Store, list *term.Listing, selected selection, n int, follow bool) error {
	if n < 0 {
		return term.Usagef("--lines: %d is negative", n)
	}
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	newest, err := selected.newest(ctx, store, head, n)
	if err != nil {
		return err
	}
	if err := addEvents(list, newest); err != nil {
		return err
	}
	if !follow {
		return list.Close()
	}
	list.Fit([]string{"1000000", "", "run.connection_restored", domain.RunStream(uuid.Nil)})
	return list.WhileRead(ctx, func(ctx context.Context) error {
		return followEvents(ctx, store, list, selected.after(head))
	})
}

// followInterval is how often the log is read: on SQLite only the process that appends
// is woken.
const followInterval = 250 * time.Millisecond

// followEvents prints new events until ctx ends.
func followEvents(ctx context.Context, store *eventstore.Store, list *term.Listing, selected selection) error {
	woken, stop := store.Wake()
	defer stop()
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		if err := list.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-woken:
		case <-tick.C:
		}
		head, err := store.Head(ctx)
		if err != nil {
			return err
		}
		err = selected.upTo(head).each(ctx, store, 0, func(page []eventstore.Recorded) error { return addEvents(list, page) })
		if err != nil {
			return err
		}
		selected = selected.after(head)
	}
}

func listEvents(out *term.Printer) *term.Listing {
	return out.List("POSITION", "RECORDED", "TYPE", "STREAM", "SUMMARY")
}

func addEvents(list *term.Listing, events []eventstore.Recorded) error {
	for _, r := range events {
		if err := list.Add(r, strconv.FormatInt(r.Position, 10), term.StampMillis(r.RecordedAt), r.Type, r.Stream, summary(r)); err != nil {
			return err
		}
	}
	return nil
}
