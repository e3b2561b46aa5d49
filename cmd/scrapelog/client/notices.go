package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
)

// noticeView is a notice as a server answers it.
type noticeView struct {
	ID, Channel, Type, State, Title string
	Attempts                        int64
	CreatedAt                       time.Time `json:"created_at"`
	LastError                       string    `json:"last_error"`
}

type noticeDoc = fetched[noticeView]

// Notices returns "scrapelog notices".
func Notices() *cobra.Command {
	return serverGroup(&cobra.Command{Use: "notices", Short: "List, show and retry notices"},
		newNoticesListCmd(), newNoticesShowCmd(), newNoticesRetryCmd())
}

func newNoticesListCmd() *cobra.Command {
	var states []string
	var channel, kind, since, until string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Example: "  scrapelog notices list --state given_up",
		Short:   "List notices, newest first",
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, _ []string) error {
			query, err := c.span(ctx, since, until)
			if err != nil {
				return err
			}
			query["state"] = states
			setUnlessEmpty(query, "channel", channel)
			setUnlessEmpty(query, "kind", kind)
			list := listNoticesIn(out)
			err = listed(ctx, c, "notices", query, limit, func(n noticeDoc) error { return list.Add(n, n.view.cells(out)...) })
			if err != nil {
				return err
			}
			return list.Close()
		})),
	}
	f := cmd.Flags()
	f.StringSliceVar(&states, "state", nil, "only these states: held, pending, sent, given_up, merged")
	f.StringVar(&channel, "channel", "", "only this channel's")
	f.StringVar(&kind, "kind", "", "only these: outage, failing, short, overdue, log, run or test")
	f.StringVar(&since, "since", "", "made at or after: "+term.WhenHelp)
	f.StringVar(&until, "until", "", "made before: "+term.WhenHelp)
	f.IntVar(&limit, "limit", 50, "at most this many; 0: all")
	return cmd
}

func listNoticesIn(out *term.Printer) *term.Listing {
	return out.List("ID", "CHANNEL", "TYPE", "STATE", "CREATED", "~ATTEMPTS", "TITLE", "~LAST ERROR")
}

func (n noticeView) cells(out *term.Printer) []string {
	id := n.ID
	if known, err := uuid.Parse(id); err == nil {
		id = out.ID(known)
	}
	return []string{id, n.Channel, n.Type, n.State, out.Stamp(n.CreatedAt), strconv.FormatInt(n.Attempts, 10), n.Title, n.LastError}
}

func newNoticesShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Example: "  scrapelog notices show latest",
		Short:   "Show a notice",
		Long:    "show prints a notice and what was sent. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			var n noticeDoc
			if err := c.named(ctx, "notices", args[0], &n); err != nil {
				return err
			}
			return showFields(out, n)
		})),
	}
}

func newNoticesRetryCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "retry ID",
		Example: "  scrapelog notices retry 1f0c9e2a",
		Short:   "Send a notice now that waits or was given up",
		Long:    "retry sends a notice now that waits for its next attempt or was given up. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			if err := domain.CheckID("ID", args[0]); err != nil {
				return err
			}
			var n noticeDoc
			if err := c.post(ctx, "/api/v1/notices/"+url.PathEscape(args[0])+"/retry", nil, &n); err != nil {
				return err
			}
			return showFields(out, n)
		})),
	}
}

// Notify returns "scrapelog notify".
func Notify() *cobra.Command {
	return serverGroup(&cobra.Command{Use: "notify", Short: "Test the channels of notices"},
		&cobra.Command{
			Use:     "test [NAME]",
			Example: "  scrapelog notify test\n  scrapelog notify test ops",
			Short:   "Send a test to a channel, or to all of them",
			Long: `test has the server send a test to the channel NAME, or to all of them. It exits 1
when a channel did not take it.`,
			Args: cobra.MaximumNArgs(1),
			RunE: term.Run(asking(testChannels)),
		})
}

func testChannels(ctx context.Context, c *client, out *term.Printer, args []string) error {
	body := map[string]string{}
	if len(args) > 0 {
		body["channel"] = args[0]
	}
	var answer struct{ Notices []noticeDoc }
	if err := c.post(ctx, "/api/v1/notify/test", body, &answer); err != nil {
		return err
	}
	if len(answer.Notices) == 0 {
		return term.Failf(term.ErrNegative, "no channel is configured; add one under notify in the server's configuration file")
	}
	list, failed := listNoticesIn(out), 0
	for _, n := range answer.Notices {
		if n.view.State != "sent" {
			failed++
		}
		list.Add(n, n.view.cells(out)...)
	}
	if err := list.Close(); err != nil || failed == 0 {
		return err
	}
	return term.Failf(term.ErrNegative, "%d of %d channels did not take the test", failed, len(answer.Notices))
}
