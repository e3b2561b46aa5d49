package inspect

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

// Projections returns "scrapelog projections".
func Projections() *cobra.Command {
	return databaseGroup(&cobra.Command{Use: "projections", Short: "List, check or rebuild the projections"},
		newProjectionsListCmd(), newProjectionsRebuildCmd(), newProjectionsCheckCmd())
}

// projectionView is a projection as it is printed.
type projectionView struct {
	Name     string `json:"name"`
	Position int64  `json:"position"`
	Lag      int64  `json:"lag"`
	Blocked  string `json:"blocked,omitempty"`
}

func newProjectionsListCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Example: "  scrapelog projections list",
		Short:   "List the projections and how far each has come",
		RunE: term.RunWithin(term.ReadTimeout, reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			groups, err := feed.New(store).GroupStates(ctx)
			if err != nil {
				return err
			}
			head, err := store.Head(ctx)
			if err != nil {
				return err
			}
			list := out.List("NAME", "POSITION", "LAG", "BLOCKED BY")
			for _, p := range projections.All() {
				v := viewOf(p.Name(), groups, head)
				list.Add(v, v.Name, strconv.FormatInt(v.Position, 10), strconv.FormatInt(v.Lag, 10), v.Blocked)
			}
			return list.Close()
		})),
	}
}

// viewOf returns a projection by its consumer group; one without a group has the whole
// log to read.
func viewOf(name string, groups []feed.Group, head int64) projectionView {
	for _, g := range groups {
		if g.Name == name {
			return projectionView{Name: name, Position: g.Position, Lag: g.Lag, Blocked: g.BlockedBy}
		}
	}
	return projectionView{Name: name, Lag: head}
}

func newProjectionsRebuildCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "rebuild NAME",
		Example: "  scrapelog projections rebuild runs",
		Short:   "Drop a projection and build it again from the log",
		Long: `rebuild folds the whole log into fresh tables and swaps them in. No server may use
the database at that time: a running server rebuilds on its page /projections.`,
		Args: term.Exactly("NAME"),
		RunE: term.Run(maintaining("rebuild it on the server's page /projections", rebuild)),
	}
}

func newProjectionsCheckCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "check NAME",
		Example: "  scrapelog projections check runs",
		Short:   "Compare a projection with one rebuilt from the log",
		Long: `check replays the log, in memory, up to the position of the projection, and compares
row by row. It exits 1 when they differ.`,
		Args: term.Exactly("NAME"),
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
			return compareModels(ctx, store, out, replay.Config{Names: args}, liveModels)
		})),
	}
}

func rebuild(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
	name := args[0]
	if _, err := projections.Find(name); err != nil {
		return err
	}
	if err := projections.Ensure(ctx, store); err != nil {
		return err
	}
	progress := func(done, head int64) { fmt.Fprintf(out.Notes, "%s: %d of %d\n", name, done, head) }
	if err := projections.Rebuild(ctx, store, args, progress); err != nil {
		return err
	}
	position, err := store.Offset(ctx, name)
	if err != nil {
		return err
	}
	return out.Facts(projectionView{Name: name, Position: position},
		[2]string{"name", name}, [2]string{"position", strconv.FormatInt(position, 10)})
}
