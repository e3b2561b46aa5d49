package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

func newAuditProveCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "prove POSITION",
		Example: "  scrapelog audit prove 4 > proof.json",
		Short:   "Print the proof that an event is in the log, to be checked offline",
		Long: `prove prints a file that "scrapelog audit check-proof" checks without the
database: the event, the hashes that lead from it to a signed checkpoint, that
checkpoint and the public key.`,
		Args: term.Exactly("POSITION"),
	}
	cmd.RunE = term.Run(reading(func(ctx context.Context, store *eventstore.Store, out *term.Printer, args []string) error {
		position, err := parsePosition(args[0])
		if err != nil {
			return err
		}
		files, err := proofFiles(cmd)
		if err != nil {
			return err
		}
		made, err := proof.Prove(ctx, store, files, position)
		if err != nil {
			return err
		}
		if out.IsTable() {
			out.Format = "json" // it is a file
		}
		return out.Document(made)
	}))
	addProofFlags(cmd)
	return cmd
}

func newAuditCheckProofCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "check-proof FILE",
		Example: "  scrapelog audit check-proof proof.json --key scrapelog/4f2a…+1b2c3d4e+AV…",
		Short:   "Check a proof, with the file and the key of the log",
		Long: `check-proof reports whether the event of a proof is in the log whose checkpoint the
proof carries; "-" reads the proof from stdin. Anyone can make a proof that holds for
another key: only the key shows that a proof is about your log. --key names your key,
as a file or as text; by default it is the key of the log on this machine. --any-key
accepts every key.

Exit 1: the proof is false, is signed with another key, or no key is known.`,
		Args: term.Exactly("FILE"),
		RunE: term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, args []string) error {
			made, err := readProof(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			c, err := made.Check()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			known, err := knownKey(ctx, cmd, made.Key)
			if err != nil {
				return err
			}
			return showProof(out, made, c, known)
		}),
	}
	addExpectedKeyFlags(cmd)
	return cmd
}

// addExpectedKeyFlags adds --key and --any-key; see knownKey.
func addExpectedKeyFlags(cmd *cobra.Command) {
	cmd.Flags().String("key", "", "the key, or a file with it, that the proof must be signed with (default the key of the log on this machine)")
	cmd.Flags().Bool("any-key", false, "compare the key with none")
}

// comparedKey names the key of a proof, and says whether it was compared.
func comparedKey(key string, known bool) string {
	if known {
		return key + " (as expected)"
	}
	return key + " (compared with none: --any-key)"
}

func readProof(stdin io.Reader, path string) (made proof.Proof, err error) {
	var source []byte
	if path == "-" {
		source, err = proof.ReadAll(stdin, "the proof", proof.LongestProof)
	} else {
		source, err = proof.ReadFile(path, proof.LongestProof)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return made, fmt.Errorf("%s: %w", path, domain.ErrNotFound)
	}
	if err != nil {
		return made, fmt.Errorf("%w: %w", term.ErrUnreachable, err)
	}
	if made, err = proof.ParseProof(source); err != nil {
		return made, term.Usagef("%s is not a proof: %v", path, err)
	}
	return made, nil
}

// knownKey compares the key of a proof with the one that is expected.
func knownKey(ctx context.Context, cmd *cobra.Command, key string) (known bool, err error) {
	named := cmd.Flag("key").Value.String()
	anyKey, err := cmd.Flags().GetBool("any-key")
	if anyKey && named != "" {
		return false, term.Usagef("--key and --any-key exclude each other")
	}
	if anyKey || err != nil {
		return false, err
	}
	expected, err := proof.KeyOf(named)
	if named == "" {
		expected, err = localKey(ctx, cmd)
	}
	switch {
	case named != "" && err != nil:
		return false, term.Usagef("--key: %v", err)
	case err != nil:
		return false, term.Failf(term.ErrNegative, "the proof holds for the key %s, and it is not known whose key that is: name the key of your log with --key, or use --any-key (no key of a log was found here: %v)", key, err)
	case !expected.Is(key):
		return false, fmt.Errorf("%w: it is signed with the key %s, and %s was expected", proof.ErrFalseProof, key, expected.Public)
	}
	return true, nil
}

// localKey is the key of the log that the configuration or --db names.
func localKey(ctx context.Context, cmd *cobra.Command) (*proof.Key, error) {
	files, err := proofFiles(cmd)
	if err != nil {
		return nil, err
	}
	if files.Key == "" { // its folder is named after the database
		store, err := openDatabase(ctx, cmd, true)
		if err != nil {
			return nil, err
		}
		defer store.Close()
		if files, err = proof.FilesOf(ctx, store, files); err != nil {
			return nil, err
		}
	}
	return proof.ReadKey(files.Key)
}

func showProof(out *term.Printer, made proof.Proof, c proof.Checkpoint, known bool) error {
	e := made.Event
	return out.Facts(struct {
		Event      proof.Event      `json:"event"`
		Checkpoint proof.Checkpoint `json:"checkpoint"`
		Key        string           `json:"key"`
		KeyKnown   bool             `json:"key_known"`
	}{e, c, made.Key, known},
		[2]string{"holds", fmt.Sprintf("event %d is in the log of %d events that was signed", e.Position, c.Size)},
		[2]string{"type", e.Type}, [2]string{"stream", e.Stream}, [2]string{"version", strconv.FormatInt(e.Version, 10)},
		[2]string{"id", e.ID}, [2]string{"recorded at", term.StampMillis(time.UnixMicro(e.RecordedAt))},
		[2]string{"metadata", e.Metadata}, [2]string{"data", e.Data}, [2]string{"key", comparedKey(made.Key, known)})
}
