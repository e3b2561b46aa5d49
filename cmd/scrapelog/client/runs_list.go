package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/filter"
)

func newRunsListCmd() *cobra.Command {
	var asked runFilter
	cmd := &cobra.Command{
		Use:   "list [TERM…]",
		Short: "List runs, newest first",
		Long: `List runs, newest first

TERM is what the page of runs reads too:
scraper:NAME, status:failed,cancelled, trigger:manual, since:-1h, until:2026-11-27,
short:true, or a part of a scraper's name or of a run's id.`,
		Example: "  scrapelog runs list --status connection_failed --since yesterday -o csv\n  scrapelog runs list status:failed since:today\n  scrapelog runs list shop --limit 0",
		Args:    cobra.ArbitraryArgs,
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			return listRuns(ctx, c, out, asked, args)
		})),
	}
	f := cmd.Flags()
	f.StringSliceVar(&asked.statuses, "status", nil, "only these statuses: running, completed, failed, connection_failed, cancelled")
	f.StringVar(&asked.scraper, "scraper", "", "only this scraper's")
	f.StringVar(&asked.trigger, "trigger", "", "only these: schedule, manual or recovery")
	f.BoolVar(&asked.short, "short", false, "only those that completed with fewer items than expected")
	f.StringVar(&asked.since, "since", "", "started at or after: "+term.WhenHelp)
	f.StringVar(&asked.until, "until", "", "started before: "+term.WhenHelp)
	f.IntVar(&asked.limit, "limit", 50, "at most this many; 0: all")
	completeFlag(cmd, "status", statuses)
	completeFlag(cmd, "scraper", scraperNames)
	completeFlag(cmd, "trigger", triggers)
	return cmd
}

type runFilter struct {
	statuses         []string
	short            bool
	scraper, trigger string
	since, until     string
	text             string
	limit            int
}

// add adds terms as the page of runs reads them.
func (f *runFilter) add(terms []string) error {
	said := filter.ParseRuns(strings.Join(terms, " "), time.Now())
	if err := said.Err(); err != nil {
		return term.Usagef("runs list: %v", err)
	}
	for _, t := range said.Terms {
		into := map[string]*string{"scraper": &f.scraper, "trigger": &f.trigger, "since": &f.since, "until": &f.until}[t.Key]
		switch {
		case t.Key == "status":
			f.statuses = append(f.statuses, strings.ToLower(t.Value))
		case t.Key == "short":
			f.short = true
		case t.Key == "":
			f.text = said.Filter.Text
		case *into != "" && *into != t.Value:
			return term.Usagef("runs list: %s is given twice, as a term and as --%s", t.Key, t.Key)
		default:
			*into = t.Value
		}
	}
	return nil
}

func listRuns(ctx context.Context, c *client, out *term.Printer, asked runFilter, terms []string) error {
	if err := asked.add(terms); err != nil {
		return err
	}
	query, err := asked.query(ctx, c)
	if err != nil {
		return err
	}
	list := listRunsIn(out)
	err = listed(ctx, c, "runs", query, asked.limit, func(r runDoc) error { return list.Add(r, r.view.cells(out)...) })
	if err != nil {
		return err
	}
	return list.Close()
}

func (f runFilter) query(ctx context.Context, c *client) (url.Values, error) {
	query, err := c.span(ctx, f.since, f.until)
	if err != nil {
		return nil, err
	}
	query["status"] = f.statuses
	setUnlessEmpty(query, "scraper", f.scraper)
	setUnlessEmpty(query, "trigger", f.trigger)
	setUnlessEmpty(query, "text", f.text)
	if f.short {
		query.Set("short", "true")
	}
	return query, nil
}

func listRunsIn(out *term.Printer) *term.Listing {
	return out.List("ID", "SCRAPER", "STATUS", "~TRIGGER", "STARTED", "DURATION", "~ITEMS", "CAUSE")
}

func (r runView) cells(out *term.Printer) []string {
	return []string{
		out.ID(r.ID), r.Scraper, string(r.Status), string(r.Trigger), out.Stamp(r.StartedAt.Time), r.duration(), r.items(), r.why(),
	}
}

func (r runView) duration() string {
	if r.DurationMS == nil {
		return ""
	}
	return (time.Duration(*r.DurationMS) * time.Millisecond).String()
}

// why returns the cause of a loss or the code of a failure.
func (r runView) why() string { return string(r.Cause) + string(r.Code) }

// items returns how many items a run brought, and how many were expected, if those are
// more.
func (r runView) items() string {
	switch {
	case r.Items == nil:
		return ""
	case r.MinItems > 0:
		return fmt.Sprintf("%d of %d", *r.Items, r.MinItems)
	}
	return strconv.FormatInt(*r.Items, 10)
}
