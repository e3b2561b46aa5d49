package client

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/projections"
)

type outageDoc = fetched[projections.Outage]

// Outages returns "scrapelog outages".
func Outages() *cobra.Command {
	return serverGroup(&cobra.Command{
		Use: "outages", Short: "List and show outages",
		Long: `An outage is what the scrapers of one origin (scheme, host and port) lose
together: from the first lost connection until none of them is lost any more.`,
	}, newOutagesListCmd(), newOutagesShowCmd())
}

type outageFilter struct {
	open                          string
	origin, scraper, since, until string
	limit                         int
}

func newOutagesListCmd() *cobra.Command {
	var filter outageFilter
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List outages, newest first",
		Example: "  scrapelog outages list --open",
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, _ []string) error {
			return listOutages(ctx, c, out, filter)
		})),
	}
	f := cmd.Flags()
	f.BoolFunc("open", "only those that have not ended; --open=false: only those that have", func(s string) error {
		open, err := strconv.ParseBool(s)
		filter.open = strconv.FormatBool(open)
		return err
	})
	f.StringVar(&filter.origin, "origin", "", "only those of this origin, such as http://127.0.0.1:9090")
	f.StringVar(&filter.scraper, "scraper", "", "only those in which this scraper lost a run")
	f.StringVar(&filter.since, "since", "", "began at or after: "+term.WhenHelp)
	f.StringVar(&filter.until, "until", "", "began before: "+term.WhenHelp)
	f.IntVar(&filter.limit, "limit", 50, "at most this many; 0: all")
	completeFlag(cmd, "scraper", scraperNames)
	return cmd
}

func listOutages(ctx context.Context, c *client, out *term.Printer, filter outageFilter) error {
	query, err := c.span(ctx, filter.since, filter.until)
	if err != nil {
		return err
	}
	setUnlessEmpty(query, "open", filter.open)
	setUnlessEmpty(query, "origin", filter.origin)
	setUnlessEmpty(query, "scraper", filter.scraper)
	list := out.List("ID", "STARTED", "LASTED", "CAUSE", "RUNS", "ORIGIN")
	err = listed(ctx, c, "outages", query, filter.limit, func(o outageDoc) error {
		v := o.view
		return list.Add(o, domain.ShortID(v.ID), out.Stamp(v.StartedAt.Time), lasted(v), string(v.Cause), strconv.FormatInt(v.RunsLost, 10), v.Origin)
	})
	if err != nil {
		return err
	}
	return list.Close()
}

// lasted returns how long an outage lasted, to a tenth of a second.
func lasted(o projections.Outage) string {
	if o.DurationMS == nil {
		return "open"
	}
	return (time.Duration(*o.DurationMS) * time.Millisecond).Round(100 * time.Millisecond).String()
}

func newOutagesShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", ValidArgsFunction: outageIDs,
		Example: "  scrapelog outages show latest",
		Short:   "Show one outage",
		Long:    "show prints everything about an outage. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			var o outageDoc
			if err := c.named(ctx, "outages", args[0], &o); err != nil {
				return err
			}
			return showFields(out, o, explained(string(o.view.Cause))...)
		})),
	}
}
