package client

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/projections"
)

type scraperDoc = fetched[projections.Scraper]

// nextText is when the schedule starts a scraper. A recovery run comes first.
func nextText(s projections.Scraper, stamp func(time.Time) string) string {
	if s.AfterRecovery {
		return "after recovery"
	}
	return stamp(s.NextSlot.Time)
}

// streakText says that the runs of a scraper are lost the same way again and again;
// empty: they are not.
func streakText(s domain.Streak) string {
	if s.Repeats() {
		return s.String()
	}
	return ""
}

// Scrapers returns "scrapelog scrapers".
func Scrapers() *cobra.Command {
	return serverGroup(&cobra.Command{Use: "scrapers", Short: "List, show, apply, remove, pause and resume scrapers"},
		newScrapersListCmd(), newScrapersShowCmd(), newScrapersNextCmd(), newScrapersApplyCmd(), newScrapersRemoveCmd(),
		newScrapersChangeCmd("pause", "Stop the schedule and recoveries of a scraper"), newScrapersChangeCmd("resume", "End a pause"))
}

func newScrapersListCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Example: "  scrapelog scrapers list",
		Short:   "List scrapers by name",
		RunE:    term.Run(asking(listScrapers)),
	}
}

func listScrapers(ctx context.Context, c *client, out *term.Printer, _ []string) error {
	list := out.List("NAME", "SCHEDULE", "~CONNECTION", "LAST RUN", "~STARTED", "NEXT", "~PAUSED", "~OVERDUE SINCE")
	err := listed(ctx, c, "scrapers", url.Values{}, 0, func(s scraperDoc) error {
		v := s.view
		return list.Add(s, v.Name, v.Config.Schedule, string(v.Connection.State), string(v.LastRun.Status),
			out.Stamp(v.LastRun.StartedAt.Time), nextText(v, out.Stamp), yes(v.Paused), out.Stamp(v.OverdueSince.Time))
	})
	if err != nil {
		return err
	}
	return list.Close()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func newScrapersShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", ValidArgsFunction: scraperNames,
		Short: "Show one scraper, and its configuration as YAML",
		Long: `show prints the state of a scraper as comments and its configuration as YAML, as the
configuration file has it and "scrapelog scrapers apply" takes it.`,
		Example: "  scrapelog scrapers show shop-prices\n  scrapelog scrapers show shop-prices --jq .config.schedule",
		Args:    term.Exactly("NAME"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			s, err := c.scraper(ctx, args[0])
			if err != nil {
				return err
			}
			return showScraper(out, s)
		})),
	}
}

func (c *client) scraper(ctx context.Context, name string) (s scraperDoc, err error) {
	err = c.get(ctx, scraperPath(name), nil, &s)
	return s, err
}

// idText is an id as tables show it; empty: there is none.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func scraperPath(name string) string { return "/api/v1/scrapers/" + url.PathEscape(name) }

// showScraper prints a document that can be applied where a table is asked for.
func showScraper(out *term.Printer, s scraperDoc) error {
	if !out.IsTable() {
		return out.Facts(s, scraperFacts(s.view)...)
	}
	asYAML, err := config.EncodeScrapers(s.view.Config)
	if err != nil {
		return err
	}
	if err := out.Comments(scraperFacts(s.view)...); err != nil {
		return err
	}
	_, err = out.Write(asYAML)
	return err
}

func scraperFacts(v projections.Scraper) [][2]string {
	return [][2]string{
		{"name", v.Name}, {"managed by", string(v.Source)}, {"next", nextText(v, term.Stamp)},
		{"paused", yes(v.Paused)}, {"because", v.PausedReason},
		{"connection", string(v.Connection.State)}, {"since", term.Stamp(v.Connection.Since.Time)}, {"cause", string(v.Connection.Cause)}, {"streak", streakText(v.Streak)},
		{"last run", idText(v.LastRun.ID)}, {"started", term.Stamp(v.LastRun.StartedAt.Time)}, {"status", string(v.LastRun.Status)},
		{"last success", term.Stamp(v.LastSuccessAt.Time)}, {"overdue since", term.Stamp(v.OverdueSince.Time)},
		{"open run", idText(v.OpenRun)},
	}
}

func newScrapersChangeCmd(verb, short string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " NAME", ValidArgsFunction: scraperNames,
		Example: "  scrapelog scrapers " + verb + " shop-prices --reason maintenance",
		Short:   short,
		Args:    term.Exactly("NAME"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			var s scraperDoc
			if err := c.post(ctx, scraperPath(args[0])+"/"+verb, map[string]string{"reason": reason}, &s); err != nil {
				return err
			}
			return showScraper(out, s)
		})),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return cmd
}

func newScrapersNextCmd() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use: "next NAME", ValidArgsFunction: scraperNames,
		Example: "  scrapelog scrapers next shop-prices -n 10",
		Short:   "Print the next slots of a scraper",
		Args:    term.Exactly("NAME"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			if n < 1 {
				return term.Usagef("-n: %d is too few; use 1 or more", n)
			}
			s, err := c.scraper(ctx, args[0])
			if err != nil {
				return err
			}
			return listSlots(out, s.view, n)
		})),
	}
	cmd.Flags().IntVarP(&n, "count", "n", 5, "how many")
	return cmd
}

// listSlots counts on from the slot that the server waits for: it anchors those
// of @every as well.
func listSlots(out *term.Printer, s projections.Scraper, n int) error {
	schedule, err := domain.ParseSchedule(s.Config.Schedule, s.Config.TimeZone)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(s.Config.TimeZone)
	if err != nil {
		return err
	}
	list := out.List("SLOT", s.Config.TimeZone)
	slot := s.NextSlot.Time
	for ; n > 0 && !slot.IsZero(); n-- {
		value := struct {
			Scraper string    `json:"scraper"`
			Slot    time.Time `json:"slot"`
			After   bool      `json:"after_recovery,omitempty"`
		}{s.Name, slot, s.AfterRecovery}
		list.Add(value, term.Stamp(slot), slot.In(zone).Format("Mon 2006-01-02 15:04:05 -0700"))
		slot = schedule.Next(s.NextSlot.Time, slot)
	}
	if err := list.Close(); err != nil {
		return err
	}
	switch {
	case list.Count > 0 && s.AfterRecovery:
		_, err := fmt.Fprintf(out.Notes, "the connection of %s is lost: the recovery run comes first, and the first of these slots that comes due after it starts a run again\n", s.Name)
		return err
	case list.Count > 0:
		return nil
	case s.Paused:
		return term.Failf(term.ErrNegative, "%s is paused", s.Name)
	}
	return term.Failf(term.ErrNegative, "%s has no slots: it is started by hand only", s.Name)
}
