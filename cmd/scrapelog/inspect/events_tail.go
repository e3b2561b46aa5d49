package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

// tail holds the flags of events tail.
type tail struct {
	n      int
	follow bool
	cursor string // a file
	exitOn string // a glob of types

	written int64 // what the file has
}

func newEventsTailCmd() *cobra.Command {
	var filter eventFilter
	var t tail
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print the newest events, and with -f those to come",
		Long: `tail prints the newest events. With -f it goes on with those that are recorded then.

--cursor-file keeps the position of the last event that was printed, so that the next
tail begins after it: a script handles every event, and after a crash perhaps the last
ones again. A file that is not there yet begins as tail does without it.

--exit-on follows the log until it has printed an event of that type, and exits 0.`,
		Example: `  scrapelog events tail -n 20 --type 'run.*'
  scrapelog events tail -f -o ndjson --cursor-file seen
  scrapelog events tail --exit-on run.completed --scraper shop-prices --timeout 1h`,
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			t.follow = t.follow || t.exitOn != ""
			if err := t.check(out); err != nil {
				return err
			}
			if t.follow && out.Format == "json" {
				out.Format = "ndjson" // --jq filters event by event
			}
			selected, list, err := filter.begin(ctx, store, out)
			if err != nil {
				return err
			}
			return t.run(ctx, store, list, selected)
		})),
	}
	filter.register(cmd)
	cmd.Flags().IntVarP(&t.n, "lines", "n", 10, "how many events to begin with")
	cmd.Flags().BoolVarP(&t.follow, "follow", "f", false, "go on with what is recorded from now on")
	cmd.Flags().StringVar(&t.cursor, "cursor-file", "", "begin after the position in this `file`, and keep it up to date")
	cmd.Flags().StringVar(&t.exitOn, "exit-on", "", "follow until an event of this `type`, a glob, was printed")
	return cmd
}

func (t *tail) check(out *term.Printer) error {
	if t.follow && out.Format == "json" && out.JQ == nil {
		return term.Usagef("tail -f: a JSON array would never end; use -o ndjson")
	}
	if t.n < 0 {
		return term.Usagef("--lines: %d is negative", t.n)
	}
	if _, err := path.Match(t.exitOn, ""); err != nil {
		return term.Usagef("--exit-on: %q is not a glob; use one such as 'run.*'", t.exitOn)
	}
	return nil
}

func (t *tail) run(ctx context.Context, store *eventstore.Store, list *eventList, selected selection) error {
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	after, found, err := t.readCursor(head)
	if err != nil {
		return err
	}
	if found {
		selected = selected.after(after)
	} else {
		newest, err := selected.newest(ctx, store, head, t.n)
		if err != nil {
			return err
		}
		selected = selected.after(head)
		if err := t.print(list, newest); err != nil {
			return t.end(list, err)
		}
	}
	if t.follow {
		list.Fit([]string{"1000000", "", "run.connection_restored", domain.RunStream(uuid.Nil)})
	}
	return list.WhileRead(ctx, func(ctx context.Context) error { return t.end(list, t.goOn(ctx, store, list, selected)) })
}

// followInterval is how often the log is read: on SQLite only the process that appends
// is woken.
const followInterval = 250 * time.Millisecond

// errPrinted: the event of --exit-on was printed.
var errPrinted = errors.New("printed")

// end closes the list unless it is followed and something failed.
func (t *tail) end(list *eventList, err error) error {
	if err != nil && !errors.Is(err, errPrinted) {
		return err
	}
	return list.Close()
}

// goOn prints what the log has after the selection, and with -f new events until ctx ends.
func (t *tail) goOn(ctx context.Context, store *eventstore.Store, list *eventList, selected selection) error {
	woken, stop := store.Wake()
	defer stop()
	tick := time.NewTicker(followInterval)
	defer tick.Stop()
	for {
		head, err := store.Head(ctx)
		if err != nil {
			return err
		}
		err = selected.upTo(head).each(ctx, store, 0, func(page []eventstore.Recorded) error { return t.print(list, page) })
		if err != nil {
			return err
		}
		selected = selected.after(head)
		if err := list.Flush(); err != nil {
			return err
		}
		if err := t.writeCursor(head); err != nil || !t.follow {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-woken:
		case <-tick.C:
		}
	}
}

// print prints events up to that of --exit-on.
func (t *tail) print(list *eventList, page []eventstore.Recorded) error {
	for i, r := range page {
		if hit, _ := path.Match(t.exitOn, r.Type); t.exitOn == "" || !hit {
			continue
		}
		if err := addEvents(list, page[:i+1]); err != nil {
			return err
		}
		if err := list.Flush(); err != nil {
			return err
		}
		if err := t.writeCursor(r.Position); err != nil {
			return err
		}
		return errPrinted
	}
	if err := addEvents(list, page); err != nil || len(page) == 0 || !t.follow {
		return err
	}
	if err := list.Flush(); err != nil {
		return err
	}
	return t.writeCursor(page[len(page)-1].Position)
}

// readCursor returns the position that the cursor file has.
func (t *tail) readCursor(head int64) (after int64, found bool, err error) {
	if t.cursor == "" {
		return 0, false, nil
	}
	const longest = 64
	content, err := proof.ReadFile(t.cursor, longest)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("%w: --cursor-file: %w", term.ErrUnreachable, err)
	}
	after, err = strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	switch {
	case err != nil || after < 0:
		return 0, false, term.Usagef("--cursor-file: %s holds %q, which is not a position", t.cursor, content)
	case after > head:
		return 0, false, term.Failf(term.ErrRefused, "--cursor-file: %s says %d, and the log ends at position %d: it is that of another log, or this one was cut; remove the file to begin again", t.cursor, after, head)
	}
	return after, true, nil
}

// writeCursor replaces the cursor file, so that it is whole at any time.
func (t *tail) writeCursor(position int64) error {
	if t.cursor == "" || position == t.written {
		return nil
	}
	t.written = position
	f, err := os.CreateTemp(filepath.Dir(t.cursor), "."+filepath.Base(t.cursor)+"-*")
	if err == nil {
		_, err = fmt.Fprintln(f, position)
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = os.Rename(f.Name(), t.cursor)
	}
	if err != nil {
		return fmt.Errorf("%w: --cursor-file: %w", term.ErrUnreachable, err)
	}
	return nil
}
