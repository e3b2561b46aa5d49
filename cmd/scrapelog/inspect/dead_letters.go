package inspect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/command"
	"scrapelog/handlers/react"
)

func newDeadLettersCmd() *cobra.Command {
	return term.Group(&cobra.Command{
		Use:   "dead-letters",
		Short: "List, show or replay the events that a reaction could not handle",
		Long: `When the code of a reaction fails on an event again and again, the reaction passes
over the event, which becomes a dead letter. replay hands the event to the reaction
once more.`,
	}, newDeadLettersListCmd(), newDeadLettersShowCmd(), newDeadLettersReplayCmd())
}

func newDeadLettersListCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Example: "  scrapelog events dead-letters list",
		Short:   "List the dead letters, the oldest first",
		RunE: term.RunWithin(term.ReadTimeout, reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			letters, err := feed.New(store).DeadLetters(ctx)
			if err != nil {
				return err
			}
			list := out.List("POSITION", "GROUP", "GIVEN UP", "REASON")
			for _, l := range letters {
				list.Add(l, strconv.FormatInt(l.Position, 10), l.Group, term.StampMillis(l.RecordedAt), l.Reason)
			}
			return list.Close()
		})),
	}
}

// letterView is a dead letter with its event, as it is printed.
type letterView struct {
	feed.DeadLetter
	Event eventstore.Recorded `json:"event"`
}

func newDeadLettersShowCmd() *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use:     "show POSITION",
		Example: "  scrapelog events dead-letters show 7",
		Short:   "Show a dead letter and its event",
		Args:    term.Exactly("POSITION"),
		RunE: term.RunWithin(term.ReadTimeout, reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
			letter, err := findLetter(ctx, store, args[0], group)
			if err != nil {
				return err
			}
			r, err := store.ByPosition(ctx, letter.Position)
			if err != nil {
				return err
			}
			return out.Facts(letterView{letter, r},
				[2]string{"position", args[0]}, [2]string{"group", letter.Group}, [2]string{"given up", term.StampMillis(letter.RecordedAt)},
				[2]string{"reason", letter.Reason}, [2]string{"type", r.Type}, [2]string{"stream", r.Stream}, [2]string{"data", string(r.Data)})
		})),
	}
	groupFlag(cmd, &group)
	return cmd
}

func groupFlag(cmd *cobra.Command, group *string) {
	cmd.Flags().StringVar(group, "group", "", "the reaction, where several gave the event up")
}

// findLetter returns the letter at a position; two reactions may have one there.
func findLetter(ctx context.Context, store *eventstore.Store, text, group string) (found feed.DeadLetter, err error) {
	position, err := parsePosition(text)
	if err != nil {
		return found, err
	}
	letters, err := feed.New(store).DeadLetters(ctx)
	if err != nil {
		return found, err
	}
	for _, l := range letters {
		if l.Position != position || group != "" && l.Group != group {
			continue
		}
		if found.Position > 0 {
			return found, term.Usagef("%s and %s both gave up position %d: say which with --group", found.Group, l.Group, position)
		}
		found = l
	}
	if found.Position == 0 {
		return found, fmt.Errorf("dead letter at position %d: %w", position, domain.ErrNotFound)
	}
	return found, nil
}

func newDeadLettersReplayCmd() *cobra.Command {
	var group string
	cmd := &cobra.Command{
		Use:     "replay POSITION",
		Example: "  scrapelog events dead-letters replay 7",
		Short:   "Hand a dead letter to its reaction once more",
		Long: `replay runs the reaction in a separate transaction, which removes the dead letter. If
the reaction fails again, replay changes nothing and exits 1.

The least loaded server follows a run that the reaction starts. On SQLite no server may
use the database at that time: the next server that starts takes the run over.`,
		Args: term.Exactly("POSITION"),
		RunE: term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
			store, err := openLog(ctx, cmd, false)
			if err != nil {
				return err
			}
			defer store.Close()
			letter, err := findLetter(ctx, store, args[0], group)
			if err != nil {
				return err
			}
			follower, release, err := replayFollower(ctx, store)
			if err != nil {
				return err
			}
			defer release()
			return replayLetter(ctx, store, out, letter, follower)
		}),
	}
	groupFlag(cmd, &group)
	return cmd
}

// replayFollower returns the id of the instance that follows a run which the replay
// starts.
func replayFollower(ctx context.Context, store *eventstore.Store) (follower string, release func(), err error) {
	live, err := instances.New(store).Live(ctx)
	if err != nil {
		return "", nil, err
	}
	if len(live) > 0 && live[0].TakesRuns && store.Dialect() == eventstore.Postgres {
		return live[0].ID, func() {}, nil // those that take runs come first
	}
	release, err = maintain(ctx, store, "stop it, replay, and start it again")
	return "replay-" + uuid.NewString(), release, err
}

func replayLetter(ctx context.Context, store *eventstore.Store, out *term.Printer, letter feed.DeadLetter, follower string) error {
	commands := &command.Handler{
		Log: store, Now: time.Now, Logger: term.LoggerFrom(ctx),
		Instance: func() string { return follower },
		Follower: func(context.Context) (string, error) { return follower, nil },
	}
	reaction := react.Rescrape(commands.HandleAll, term.LoggerFrom(ctx))
	if letter.Group != reaction.Name {
		return term.Failf(term.ErrRefused, "%s is not a reaction of this program", letter.Group)
	}
	before, err := store.Head(ctx)
	if err != nil {
		return err
	}
	err = feed.New(store).ReplayDeadLetter(ctx, letter.Group, letter.Position, func(ctx context.Context, r eventstore.Recorded) error {
		e, err := r.Event()
		if err != nil {
			return failedAgain(letter, err)
		}
		if e == nil {
			return term.Failf(term.ErrRefused, "this program does not know events of type %s", r.Type)
		}
		if err := reaction.Handle(ctx, r, e); err != nil {
			return failedAgain(letter, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	caused, err := causedBy(ctx, store, letter.Position, before)
	if err != nil {
		return err
	}
	list, err := listEvents(ctx, store, out)
	if err != nil {
		return err
	}
	addEvents(list, caused)
	return list.Close()
}

// failedAgain returns a database failure unchanged, and any other error as a failure of
// the reaction.
func failedAgain(letter feed.DeadLetter, err error) error {
	if errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, context.Canceled) {
		return err
	}
	return term.Failf(term.ErrNegative, "%s failed again, and the letter stays: %v", letter.Group, err)
}

// causedBy returns the events after a position whose cause is the event at another.
func causedBy(ctx context.Context, store *eventstore.Store, position, after int64) (caused []eventstore.Recorded, err error) {
	cause, err := store.ByPosition(ctx, position)
	if err != nil {
		return nil, err
	}
	records, err := store.Read(ctx, eventstore.Query{After: after})
	for _, r := range records {
		if r.Metadata["causation_id"] == cause.ID.String() {
			caused = append(caused, r)
		}
	}
	return caused, err
}
