package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/docs"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/projections"
)

const bundleReadme = `This is a bundle of "scrapelog audit bundle": events of a log, and the proof that they
are what was signed.

events.ndjson    the events, one to a line
checkpoint       a signed statement: so many events have this root hash (C2SP tlog-checkpoint)
key              the public key of the log; compare it with the one that you know
proof.json       the hashes of the rest of the log, which lead from the events to the root
check_bundle.py  checks this file with Python's standard library

To check it, without the database and without trusting scrapelog:

    python3 check_bundle.py BUNDLE.zip KEY

or with scrapelog:

    scrapelog audit check-bundle BUNDLE.zip --key KEY

KEY must come from elsewhere than this file. The leaf of an event is SHA-256 over a zero
byte and its canonical bytes: the tag "scrapelog.event.v1\n", then position, stream,
version, id, type, recorded_at, metadata and data, each behind its length in bytes (4
bytes, big-endian); numbers are 8 bytes, big-endian. The tree is that of RFC 6962.
`

func newAuditBundleCmd() *cobra.Command {
	var after, until, run, file string
	cmd := &cobra.Command{
		Use:   "bundle -o FILE",
		Short: "Write a zip file that proves a range of events, for an auditor",
		Long: `bundle writes the events after A and up to B with everything that proves them: a signed
checkpoint, the hashes that lead to it, the public key, how to check it, and a program in
Python that does. No database is needed to check it. A and B are positions or times; by
default it is all that is signed. --run is the range from the first event of a run to its
last; what came between them is in the bundle too. Hand the key over on another way.

FILE must not be there yet. Where there are users, the event log.read records who made it.`,
		Example: "  scrapelog audit bundle --after 1000 --until 2000 -o part.zip\n  scrapelog audit bundle --run 6ba7b810 -o run.zip\n  scrapelog audit bundle --after 2026-03-01 --until 2026-04-01 -o march.zip",
	}
	write := reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, _ []string) error {
		var ends [2]int64
		if run != "" {
			var err error
			if ends, err = endsOfRun(ctx, store, run); err != nil {
				return err
			}
		}
		for i, point := range []string{after, until} {
			if point == "" {
				continue
			}
			var err error
			if ends[i], err = positionOf(ctx, store, []string{"--after", "--until"}[i], point); err != nil {
				return err
			}
		}
		files, err := proofFiles(cmd)
		if err != nil {
			return err
		}
		return writeBundle(ctx, cmd, store, files, ends[0], ends[1], file, out)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if file = cmd.Flag("output").Value.String(); !cmd.Flag("output").Changed {
			return term.Usagef("audit bundle: -o FILE is missing; see %q", cmd.CommandPath()+" --help")
		}
		if run != "" && after+until != "" {
			return term.Usagef("--run excludes --after and --until")
		}
		return term.Run(write)(cmd, args)
	}
	addProofFlags(cmd)
	cmd.Flags().StringVar(&after, "after", "", "the events after this position or time (default: from the first)")
	cmd.Flags().StringVar(&until, "until", "", "up to this position or time (default: to the last that is signed)")
	cmd.Flags().StringVar(&run, "run", "", "from the first event of this run to its last: its id, a part of it or latest")
	cmd.Flags().StringP("output", "o", "", "the file to write")
	return cmd
}

// endsOfRun returns the position before the first event of a run, and that of its last.
func endsOfRun(ctx context.Context, store *eventstore.Store, named string) (ends [2]int64, err error) {
	run, err := projections.FindRun(ctx, store, "--run", named)
	if err != nil {
		return ends, err
	}
	events, err := store.ReadStream(ctx, domain.RunStream(run), 0)
	if err != nil {
		return ends, err
	}
	if len(events) == 0 {
		return ends, term.Failf(domain.ErrNotFound, "run %s has no events", run)
	}
	return [2]int64{events[0].Position - 1, events[len(events)-1].Position}, nil
}

func writeBundle(ctx context.Context, cmd *cobra.Command, store *eventstore.Store, files proof.Files, after, until int64, path string, out *term.Printer) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return cannotWrite(path, err)
	}
	extra := map[string][]byte{"README.txt": []byte(bundleReadme), "check_bundle.py": docs.CheckBundle}
	made, err := proof.WriteBundle(ctx, store, files, after, until, extra, f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return err
	}
	recordRead(ctx, cmd, store, out, domain.LogRead{What: domain.ReadBundle, After: made.After, Until: made.Until})
	return out.Facts(made, [2]string{"file", path}, [2]string{"events", fmt.Sprintf("%d to %d", made.After+1, made.Until)},
		[2]string{"checkpoint", fmt.Sprintf("of %d events", made.Size)})
}

func newAuditCheckBundleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check-bundle FILE",
		Short: "Check a bundle, with the file and the key of the log",
		Long: `check-bundle reports whether the events of a bundle are in the log whose checkpoint it
carries, without the database. As with check-proof, only the key shows whose log it is:
--key names it, by default it is the key of the log on this machine, and --any-key accepts
every key.

Exit 1: the bundle is false, is signed with another key, or no key is known.`,
		Example: "  scrapelog audit check-bundle march.zip --key scrapelog/4f2a…+1b2c3d4e+AV…",
		Args:    term.Exactly("FILE"),
		RunE: term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return cannotOpen(args[0], err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return cannotOpen(args[0], err)
			}
			checked, err := proof.CheckBundle(f, info.Size())
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			known, err := knownKey(ctx, cmd, checked.Key)
			if err != nil {
				return err
			}
			return showBundle(out, checked, known)
		}),
	}
	addExpectedKeyFlags(cmd)
	return cmd
}

func showBundle(out *term.Printer, c proof.Checked, known bool) error {
	return out.Facts(struct {
		proof.Checked
		KeyKnown bool `json:"key_known"`
	}{c, known},
		[2]string{"holds", fmt.Sprintf("events %d to %d are in the log of %d events that was signed", c.After+1, c.Until, c.Size)},
		[2]string{"events", strconv.FormatInt(c.Until-c.After, 10)}, [2]string{"signed at", term.Stamp(c.Checkpoint.SealedAt)},
		[2]string{"key", comparedKey(c.Key, known)})
}
