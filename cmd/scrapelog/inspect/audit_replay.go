package inspect

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections/replay"
)

// liveModels is the value of --against for the read models that pages and API read.
const liveModels = "live"

// replayFlags are those of audit replay.
type replayFlags struct{ until, against, save string }

func newAuditReplayCmd() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:     "replay",
		Example: "  scrapelog audit replay\n  scrapelog audit replay --until @10",
		Short:   "Rebuild the projections from the log and compare them with the live ones",
		Long: `replay folds the log into projections, in memory, and compares them row by row
with the ones that pages and API read, in one snapshot and at the same position. It exits 1
when they differ, and names the rows and the first event after which they differ.

With --until, only the rows are compared that no later event has changed. To compare whole projections of the past, keep them: --save writes them to
a file, as they are at a position, and --against compares the log with that file.
--against takes a SQLite database, such as a backup, too.`,
		RunE: term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			if f.save != "" && f.against != liveModels {
				return term.Usagef("--against and --save exclude each other")
			}
			until, err := f.position(ctx, store)
			if err != nil {
				return err
			}
			if f.save != "" {
				return saveModels(ctx, store, out, until, f.save)
			}
			return compareModels(ctx, store, out, replay.Config{Until: until}, f.against)
		})),
	}
	cmd.Flags().StringVar(&f.until, "until", "", "up to this position, or what was recorded before: "+pointHelp)
	cmd.Flags().StringVar(&f.against, "against", liveModels, "live, a file that --save wrote, or a SQLite database")
	cmd.Flags().StringVar(&f.save, "save", "", "write the replayed projections to this new file, and compare nothing")
	return cmd
}

// position is where --until ends, 0 without it.
func (f replayFlags) position(ctx context.Context, store *eventstore.Store) (int64, error) {
	if f.until == "" {
		return 0, nil
	}
	position, err := positionOf(ctx, store, "--until", f.until)
	if err == nil && position == 0 {
		err = fmt.Errorf("nothing was recorded before %s: %w", f.until, domain.ErrNotFound)
	}
	return position, err
}

const pointHelp = "a position, -1h, today or RFC 3339"

// positionOf is the position of a point in the log: "42" or "@42", or the last
// event recorded before a time.
func positionOf(ctx context.Context, store *eventstore.Store, what, point string) (int64, error) {
	if position, err := strconv.ParseInt(strings.TrimPrefix(point, "@"), 10, 64); err == nil && position >= 0 {
		return position, nil
	}
	w, err := term.ParseWhen("", point, time.Now())
	if err != nil {
		return 0, term.Usagef("%s: %q is not a point in the log; use %s", what, point, pointHelp)
	}
	after, err := firstPosition(ctx, store, w)
	return after - 1, err
}

// compareModels compares and prints. What the models are compared with is "live" or the
// path of a file.
func compareModels(ctx context.Context, store *eventstore.Store, out *term.Printer, cfg replay.Config, against string) error {
	kept, release, err := keptIn(ctx, store, against)
	if err != nil {
		return err
	}
	defer release()
	cfg.Against, cfg.Progress = kept, out.Progress("replay")
	result, err := replay.Compare(ctx, store, cfg)
	if err != nil {
		return err
	}
	return comparison{against, result}.show(out)
}

func keptIn(ctx context.Context, store *eventstore.Store, against string) (kept replay.Kept, release func(), err error) {
	nothing := func() {}
	if against == liveModels {
		return replay.InTables(store), nothing, nil
	}
	if !isSQLite(against) {
		return replay.InFile(against), nothing, nil
	}
	other, err := eventstore.Open(ctx, eventstore.Config{URL: "sqlite:" + against, Logger: term.LoggerFrom(ctx), ReadOnly: true})
	if err != nil {
		return nil, nothing, err
	}
	return replay.InTables(other), func() { _ = other.Close() }, nil
}

func isSQLite(path string) bool {
	const magic = "SQLite format 3\x00"
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	begin := make([]byte, len(magic))
	_, err = io.ReadFull(file, begin)
	return err == nil && bytes.Equal(begin, []byte(magic))
}

func saveModels(ctx context.Context, store *eventstore.Store, out *term.Printer, until int64, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--save: %w", err)
	}
	state, err := replay.Save(ctx, store, until, file, out.Progress("replay"))
	if err = cmp.Or(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(path)
		return err
	}
	value := struct {
		File string `json:"file"`
		replay.State
	}{path, state}
	return out.Facts(value, append([][2]string{{"file", path}}, stateFacts(state)...)...)
}

func stateFacts(s replay.State) [][2]string {
	var counts []string
	for _, status := range domain.Statuses {
		if n := s.Counts[status]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, status))
		}
	}
	facts := [][2]string{
		{"position", strconv.FormatInt(s.Position, 10)}, {"recorded at", stampOrNothing(s.RecordedAt)}, {"runs", strings.Join(counts, ", ")},
	}
	if s.Scrapers != nil {
		facts = append(facts, [2]string{"scrapers", strconv.Itoa(*s.Scrapers)})
	}
	return facts
}

func stampOrNothing(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return term.StampMillis(t)
}
