package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

func newEventsExportCmd(flags *term.DataFlags) *cobra.Command {
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

cloudevents is CloudEvents 1.0 as JSON, for other programs.`,
		Example: `  scrapelog events export > log.ndjson
  scrapelog events export --after 1000 --format cloudevents`,
		Args: term.Exactly(),
		RunE: flags.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
			write, known := exportFormats[format]
			if !known {
				return term.Usagef("--format: %q is not a format; use ndjson or cloudevents", format)
			}
			if after < 0 || until < 0 {
				return term.Usagef("--after and --until are positions: use 0 or more")
			}
			return exportEvents(ctx, store, out, after, until, write)
		})),
	}
	cmd.Flags().StringVar(&format, "format", "ndjson", "ndjson or cloudevents")
	cmd.Flags().Int64Var(&after, "after", 0, "begin after this position")
	cmd.Flags().Int64Var(&until, "until", 0, "end with this position; 0: with the last event")
	return cmd
}

var exportFormats = map[string]func(b []byte, e proof.Event, last int64) ([]byte, error){
	"ndjson":      func(b []byte, e proof.Event, last int64) ([]byte, error) { return e.AppendLine(b, last), nil },
	"cloudevents": appendCloudEvent,
}

func exportEvents(ctx context.Context, store *eventstore.Store, out *term.Printer, after, until int64, write func([]byte, proof.Event, int64) ([]byte, error)) error {
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	if until == 0 || until > head {
		until = head
	}
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

// cloudEvent is an event in the JSON format of CloudEvents 1.0. An extension attribute is
// named in lower case and is text.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        string          `json:"time"`
	ContentType string          `json:"datacontenttype"`
	Position    string          `json:"position"`
	Version     string          `json:"streamversion"`
	Correlation string          `json:"correlationid,omitempty"`
	Causation   string          `json:"causationid,omitempty"`
	Actor       string          `json:"actor,omitempty"`
	Instance    string          `json:"instance,omitempty"`
	TraceParent string          `json:"traceparent,omitempty"`
	Data        json.RawMessage `json:"data"`
}

func appendCloudEvent(b []byte, e proof.Event, _ int64) ([]byte, error) {
	var metadata map[string]string
	if err := json.Unmarshal([]byte(e.Metadata), &metadata); err != nil {
		return nil, fmt.Errorf("%w: metadata of event %d: %w", proof.ErrDamaged, e.Position, err)
	}
	doc, err := json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: "/scrapelog", Type: e.Type, Subject: e.Stream,
		Time: time.UnixMicro(e.RecordedAt).UTC().Format(time.RFC3339Nano), ContentType: "application/json",
		Position: strconv.FormatInt(e.Position, 10), Version: strconv.FormatInt(e.Version, 10),
		Correlation: metadata["correlation_id"], Causation: metadata["causation_id"], Actor: metadata["actor"],
		Instance: metadata["instance"], TraceParent: metadata["traceparent"], Data: json.RawMessage(e.Data),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: data of event %d: %w", proof.ErrDamaged, e.Position, err)
	}
	return append(append(b, doc...), '\n'), nil
}
