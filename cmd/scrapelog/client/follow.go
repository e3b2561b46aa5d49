package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/tmaxmax/go-sse"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/handlers/live"
)

func newRunsStartCmd() *cobra.Command {
	var wait, attach bool
	var params string
	cmd := &cobra.Command{
		Use: "start NAME", ValidArgsFunction: scraperNames,
		Example: "  scrapelog runs start shop-prices --wait --timeout 10m",
		Short:   "Start a run of a scraper",
		Long: `start begins a run and prints it. With --wait it follows the run to its end and
exits 1 when it did not complete. With --attach the run lives only as long as
this command follows it: when it goes away, the scrape is stopped.`,
		Args: term.Exactly("NAME"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			if wait && attach {
				return term.Usagef("runs start: --wait and --attach exclude each other; --attach waits too")
			}
			given, err := term.ParseParams(params)
			if err != nil {
				return err
			}
			return out.WhileRead(ctx, func(ctx context.Context) error {
				return newFollower(c, out).start(ctx, args[0], startRequest{Params: given}, wait, attach)
			})
		})),
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "follow the run to its end")
	cmd.Flags().BoolVar(&attach, "attach", false, "follow the run, which ends when this command does")
	cmd.Flags().StringVar(&params, "params", "", "a JSON object in place of the configured params")
	return cmd
}

func newRunsWatchCmd() *cobra.Command {
	return &cobra.Command{
		Use: "watch ID", ValidArgsFunction: runIDs,
		Example: "  scrapelog runs watch latest",
		Short:   "Follow a run to its end",
		Long:    "watch prints a run whenever it changes, until it has ended, and exits 1 when it\ndid not complete. " + idHelp,
		Args:    term.Exactly("ID"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			return out.WhileRead(ctx, func(ctx context.Context) error {
				r, err := c.run(ctx, args[0])
				if err != nil {
					return err
				}
				return newFollower(c, out).follow(ctx, r, nil)
			})
		})),
	}
}

// follower prints a run whenever it changes.
type follower struct {
	*client
	out     *term.Printer
	silence time.Duration // how long a live stream may say nothing
	watcher string
	list    *term.Listing
	last    runDoc
}

func newFollower(c *client, out *term.Printer) *follower {
	return &follower{client: c, out: out, silence: 3 * live.Beat}
}

func (f *follower) start(ctx context.Context, scraper string, body startRequest, wait, attach bool) error {
	if !wait && !attach {
		r, err := f.client.start(ctx, scraper, body)
		if err != nil {
			return err
		}
		return showRun(f.out, r)
	}
	var stream *liveStream
	if attach { // the stream comes first: a run is attached to a watcher that is there
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		f.watcher, body.Attach = id.String(), id.String()
		if stream, err = f.open(ctx); err != nil {
			return err
		}
	}
	r, err := f.client.start(ctx, scraper, body)
	if err != nil {
		stream.close()
		return err
	}
	return f.follow(ctx, r, stream)
}

// follow returns when the run has ended. A live stream that is lost is opened
// again: that concerns what is printed, never the run. A nil stream is opened.
func (f *follower) follow(ctx context.Context, r runDoc, stream *liveStream) (err error) {
	f.list = listRunsIn(f.out)
	f.list.Fit([]string{"", "", string(domain.StatusConnectionFailed), "", "", "59m59.999s"})
	if err := f.show(r); err != nil {
		return err
	}
	if stream == nil && !f.ended() {
		if stream, err = f.open(ctx); err != nil {
			return err
		}
	}
	for !f.ended() {
		if err := f.hear(ctx, stream); err != nil && !errors.Is(err, term.ErrUnreachable) {
			return err
		}
		if f.ended() {
			break
		}
		fmt.Fprintln(f.out.Notes, "scrapelog: live updates lost, trying again")
		if stream, err = f.reopen(ctx); err != nil {
			return err
		}
	}
	stream.close()
	return f.verdict()
}

func (f *follower) ended() bool { return f.last.view.Status.Final() }

// hear shows what the stream says of the run, until either has ended, and closes it.
func (f *follower) hear(ctx context.Context, stream *liveStream) error {
	defer stream.close()
	for message, err := range sse.Read(stream, &sse.ReadConfig{MaxEventSize: maxAnswer}) {
		if err != nil {
			break
		}
		r, err := f.heard(ctx, message)
		if err != nil {
			return err
		}
		if err := f.show(r); err != nil || f.ended() {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// heard is the run after a message. A state to begin from may leave out a run
// that ended a while ago, so the run is asked for.
func (f *follower) heard(ctx context.Context, message sse.Event) (runDoc, error) {
	switch message.Type {
	case "state":
		return f.run(ctx, f.last.view.ID.String())
	case "run":
		var r runDoc
		if err := json.Unmarshal([]byte(message.Data), &r); err != nil {
			return runDoc{}, term.Failf(term.ErrUnreachable, "%s did not speak as scrapelog does: %v", f.shown, err)
		}
		if r.view.ID == f.last.view.ID {
			return r, nil
		}
	}
	return f.last, nil
}

// show prints a run that is not as it was shown last.
func (f *follower) show(r runDoc) error {
	if bytes.Equal(r.raw, f.last.raw) {
		return nil
	}
	f.last = r
	if f.out.Format == "json" { // one document: the run as it ended
		if r.view.Status.Final() {
			return f.out.Document(r)
		}
		return nil
	}
	if err := f.list.Add(r, r.view.cells(f.out)...); err != nil {
		return err
	}
	return f.list.Flush()
}

func (f *follower) verdict() error {
	r := f.last.view
	if r.Status == domain.StatusCompleted {
		return nil
	}
	why := r.why()
	if why != "" {
		why = " (" + why + ")"
	}
	return term.Failf(term.ErrNegative, "run %s ended as %s%s", r.ID, r.Status, why)
}
