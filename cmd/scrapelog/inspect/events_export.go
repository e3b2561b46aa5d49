package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

func newEventsExportCmd() *cobra.Command {
	var format string
	var after, until int64
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the whole log, for events import or other programs",
		Long: `export prints the log in its order, an event to a line, beside a running server too.

ndjson is what "scrapelog events import" reads: events as the API has them, their data
and metadata byte for byte, each with the hash of its leaf in the tree of the log (RFC
6962) and the last position of the export. An export that was interrupted is resumed with
--after and the last position that is in the file.

cloudevents is CloudEvents 1.0 as JSON, for other programs.

Where there are users, the event log.read records who took which events. It comes after
them, and so is not in the export itself.`,
		Example: `  scrapelog events export > log.ndjson
  scrapelog events export --after 1000 --format cloudevents`,
	}
	cmd.RunE = term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
		write, known := exportFormats[format]
		if !known {
			return term.Usagef("--format: %q is not a format; use ndjson or cloudevents", format)
		}
		if after < 0 || until < 0 {
			return term.Usagef("--after and --until are positions: use 0 or more")
		}
		return exportEvents(ctx, cmd, store, out, after, until, write)
	}))
	cmd.Flags().StringVar(&format, "format", "ndjson", "ndjson or cloudevents")
	cmd.Flags().Int64Var(&after, "after", 0, "begin after this position")
	cmd.Flags().Int64Var(&until, "until", 0, "end with this position; 0: with the last event")
	return cmd
}

var exportFormats = map[string]func(b []byte, e proof.Event, last int64) ([]byte, error){
	"ndjson":      func(b []byte, e proof.Event, last int64) ([]byte, error) { return e.AppendLine(b, last), nil },
	"cloudevents": appendCloudEvent,
}

func exportEvents(ctx context.Context, cmd *cobra.Command, store *eventstore.Store, out *term.Printer, after, until int64, write func([]byte, proof.Event, int64) ([]byte, error)) error {
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	if until == 0 || until > head {
		until = head
	}
	recordRead(ctx, cmd, store, out, domain.LogRead{What: domain.ReadExport, After: after, Until: until})
	buffered, progress := bufio.NewWriterSize(out, 1<<20), out.Progress("export")
	var line []byte
	last, err := proof.Each(ctx, store, after, until, func(e proof.Event) error {
		if line, err = write(line[:0], e, until); err != nil {
			return err
		}
		progress(e.Position-1, until)
		_, err := buffered.Write(line)
		return err
	})
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		fmt.Fprintf(out.Notes, "exported: positions %d to %d\n", min(after+1, last), last)
	}
	return err
}

func appendCloudEvent(b []byte, e proof.Event, _ int64) ([]byte, error) {
	r := eventstore.Recorded{
		Position: e.Position, Stream: e.Stream, Version: e.Version, Type: e.Type, RecordedAt: time.UnixMicro(e.RecordedAt), Data: json.RawMessage(e.Data),
	}
	id, idErr := uuid.Parse(e.ID)
	r.ID = id
	metadataErr := json.Unmarshal([]byte(e.Metadata), &r.Metadata)
	doc, dataErr := r.CloudEvent()
	if err := errors.Join(idErr, metadataErr, dataErr); err != nil {
		return nil, fmt.Errorf("%w: event %d: %w", proof.ErrDamaged, e.Position, err)
	}
	return append(append(b, doc...), '\n'), nil
}
