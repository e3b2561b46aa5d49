package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/domain"
	"scrapelog/eventstore/proof"
)

func newAuditProveCmd(flags *dataFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove POSITION",
		Short: "Print the proof that an event is in the log, to be checked offline",
		Long: `prove prints a file that "scrapelog audit check-proof" checks without the
database: the event, the hashes that lead from it to a signed checkpoint, that
checkpoint and the public key.`,
		Args: exactly("POSITION"),
		RunE: flags.run(func(ctx context.Context, cmd *cobra.Command, out *printer, args []string) error {
			position, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || position < 1 {
				return usagef("%q is not a position; use 1, 2, 3 …", args[0])
			}
			files, err := proofFiles(cmd)
			if err != nil {
				return err
			}
			store, err := openLog(ctx, cmd, true)
			if err != nil {
				return err
			}
			defer store.Close()
			made, err := proof.Prove(ctx, store, files, position)
			if err != nil {
				return err
			}
			if out.isTable() {
				out.format = "json" // it is a file
			}
			return out.document(made)
		}),
	}
	addProofFlags(cmd)
	return cmd
}

func newAuditCheckProofCmd(flags *dataFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check-proof FILE",
		Short: "Check a proof, with nothing but the file",
		Long: `check-proof says whether the event of a proof is in the log whose checkpoint the
proof carries; "-" reads it from stdin. That this is your log only its key tells:
compare it with one you have from elsewhere, or name that with --key. Exit 1 when
the proof is false.`,
		Args: exactly("FILE"),
		RunE: flags.run(func(_ context.Context, cmd *cobra.Command, out *printer, args []string) error {
			made, err := readProof(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			c, err := made.Check()
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			known, err := knownKey(cmd.Flag("key").Value.String(), made.Key)
			if err != nil {
				return err
			}
			return showProof(out, made, c, known)
		}),
	}
	cmd.Flags().String("key", "", "the key, or a file with it, that the proof must be signed with")
	return cmd
}

func readProof(stdin io.Reader, path string) (made proof.Proof, err error) {
	var source []byte
	if path == "-" {
		source, err = io.ReadAll(stdin)
	} else {
		source, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return made, fmt.Errorf("%s: %w", path, domain.ErrNotFound)
	}
	if err != nil {
		return made, fmt.Errorf("%w: %w", errUnreachable, err)
	}
	if err := json.Unmarshal(source, &made); err != nil {
		return made, usagef("%s is not a proof: %v", path, err)
	}
	return made, nil
}

// knownKey compares the key of a proof with the one that is expected, if any.
func knownKey(expected, key string) (known bool, err error) {
	if expected == "" {
		return false, nil
	}
	if read, err := proof.ReadKey(expected); err == nil {
		expected = read.Public
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, usagef("--key: %v", err)
	}
	if expected != key {
		return false, fmt.Errorf("%w: it is signed with the key %s, and %s was expected", proof.ErrFalseProof, key, expected)
	}
	return true, nil
}

func showProof(out *printer, made proof.Proof, c proof.Checkpoint, known bool) error {
	signer := made.Key + " (not compared: use --key)"
	if known {
		signer = made.Key + " (as expected)"
	}
	e := made.Event
	return out.facts(struct {
		Event      proof.Event      `json:"event"`
		Checkpoint proof.Checkpoint `json:"checkpoint"`
		Key        string           `json:"key"`
		KeyKnown   bool             `json:"key_known"`
	}{e, c, made.Key, known},
		[2]string{"holds", fmt.Sprintf("event %d is in the log of %d events that was signed", e.Position, c.Size)},
		[2]string{"type", e.Type}, [2]string{"stream", e.Stream}, [2]string{"version", strconv.FormatInt(e.Version, 10)},
		[2]string{"id", e.ID}, [2]string{"recorded at", stampMillis(time.UnixMicro(e.RecordedAt))},
		[2]string{"metadata", e.Metadata}, [2]string{"data", e.Data}, [2]string{"key", signer})
}
