package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/witness"
)

func newEventsVerifyCmd() *cobra.Command {
	var since string
	var all, ask bool
	cmd := &cobra.Command{
		Use:     "verify",
		Example: "  scrapelog events verify\n  scrapelog events verify --all -o json",
		Short:   "Report whether anyone has changed the log",
		Long: `verify compares the log with the signed checkpoints, those in the database and those
kept outside it, and names the first bad position and what happened to it.

By default it recomputes the hashes of the events after the last good verification,
and of the newest 100,000 in any case; a smaller log is always verified as a whole. It
counts the events before, and compares their stored hashes with every checkpoint. An
old event that was edited while its stored hash was left as it is, is found only by
--all, which recomputes everything: run it at least weekly, as a server does.
The last good verification is kept beside the checkpoints, signed with the key of the
log; without the private key there is none, and everything is verified.

Exit 0: all signed events are as they were signed. Exit 5: they are not. Exit 1:
nothing wrong was found, but a part of the proof is missing. Events after the last
checkpoint are not signed yet: at most a second of them while a server runs.

--witness asks the witnesses of the configuration (audit.witnesses) too. They find a log
that was rolled back together with its copy outside, rewritten and signed again, or forked.

Without --key, verify trusts the key beside the checkpoints. A log that was signed
again with another key looks like a log of that key: compare the key that is printed
and the time since which it signs, or name your key with --key, as a scheduled job
should. --checkpoints names a copy, which may end before the database does. If the
database and the copy outside were both put back to the same earlier moment, verify
cannot find it: keep a copy of the checkpoints, or note their size, in a third place.`,
		RunE: term.Run(func(ctx context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
			if all && since != "" {
				return term.Usagef("--all and --since exclude each other")
			}
			return verifyLog(ctx, cmd, out, since, all, ask)
		}),
	}
	addProofFlags(cmd)
	cmd.Flags().BoolVar(&ask, "witness", false, "ask the witnesses of the configuration what they have signed")
	cmd.Flags().BoolVar(&all, "all", false, "recompute the hash of every event")
	cmd.Flags().StringVar(&since, "since", "", "only what came since "+term.WhenHelp+", from the checkpoint before it on")
	return cmd
}

func verifyLog(ctx context.Context, cmd *cobra.Command, out *term.Printer, since string, all, ask bool) error {
	if _, err := strconv.ParseUint(since, 10, 63); err == nil {
		since = "@" + since
	}
	from, err := term.ParseWhen("since", since, time.Now())
	if err != nil {
		return err
	}
	options, err := verifyOptions(cmd)
	if err != nil {
		return err
	}
	cfg, err := config.Load(config.Path(cmd))
	if err != nil {
		return err
	}
	if options.Witnesses = cfg.Audit.Witnesses; ask && len(options.Witnesses) == 0 {
		return term.Usagef("--witness: the configuration names no witness (audit.witnesses)")
	}
	options.Recent, options.Keep = !all && since == "", true
	store, err := openLog(ctx, cmd, true)
	if err != nil {
		return err
	}
	defer store.Close()
	var witnesses *http.Client // nil: they are not asked
	if ask {
		rules, err := cfg.Egress.Rules()
		if err != nil {
			return err
		}
		witnesses = witness.NewClient(func() egress.Rules { return rules })
	}
	return verifyEvents(ctx, store, options, from, witnesses, out)
}

// verifyOptions takes --key as a key that the log must be sealed with, and
// --checkpoints as a copy that may be older than the database.
func verifyOptions(cmd *cobra.Command) (o proof.Options, err error) {
	if o.Files, err = proofFiles(cmd); err != nil {
		return o, err
	}
	o.Guards, o.Copy = true, cmd.Flag("checkpoints").Changed
	named := cmd.Flag("key").Value.String()
	if named == "" {
		return o, nil
	}
	o.Key, err = proof.KeyOf(named)
	if errors.Is(err, fs.ErrNotExist) { // signatures cannot be looked at
		return o, nil
	}
	if err != nil {
		return o, term.Usagef("--key: %v", err)
	}
	if o.Key.Named(named) { // its text: the files are where they are without it
		o.Files, err = proofFilesBeside(cmd, "")
	}
	return o, err
}

func verifyEvents(ctx context.Context, store *eventstore.Store, options proof.Options, since term.When, witnesses *http.Client, out *term.Printer) error {
	if since != (term.When{}) {
		first, err := firstPosition(ctx, store, since)
		if err != nil && !errors.Is(err, domain.ErrNotFound) { // a position that is missing is damage to be found
			return err
		}
		options.Since = first - 1
	}
	result, err := proof.Verify(ctx, store, options, out.Progress("verify"))
	if err != nil {
		return err
	}
	var silent error
	if witnesses != nil {
		silent = witness.Check(ctx, witnesses, store, options.Witnesses, &result)
	}
	if err := showVerification(out, result); err != nil {
		return err
	}
	switch result.Verdict {
	case proof.Damaged:
		return term.Failf(proof.ErrDamaged, "%s", result.Text())
	case proof.Unproven:
		return term.Failf(term.ErrNegative, "%s", result.Text())
	case proof.Intact:
	}
	if silent != nil {
		return term.Failf(term.ErrNegative, "nothing wrong was found, and not all witnesses could be asked: %v", silent)
	}
	return nil
}

func showVerification(out *term.Printer, r proof.Result) error {
	looked := fmt.Sprintf("%d events", r.Head)
	if r.Since > 0 {
		looked = fmt.Sprintf("events %d to %d, and the stored hashes of all", r.Since+1, r.Head)
	}
	pairs := [][2]string{
		{"verdict", string(r.Verdict)}, {"looked at", looked}, {"proven up to", strconv.FormatInt(r.Sealed, 10)}, {"root", cmp.Or(r.Root, "–")},
		{"checkpoints", strconv.Itoa(r.Checkpoints)}, {"copy outside", fmt.Sprintf("%s: %s", r.Outside, r.File)}, {"key", signedWith(r)},
	}
	if !r.FirstSealedAt.IsZero() {
		pairs = append(pairs, [2]string{"first sealed", term.Stamp(r.FirstSealedAt)})
	}
	for _, w := range r.Witnessed {
		when := "by a checkpoint that is kept here"
		if w.Asked {
			when = "asked now"
		}
		pairs = append(pairs, [2]string{"witness " + w.Witness, fmt.Sprintf("signed %d events at %s, %s", w.Size, term.Stamp(w.At), when)})
	}
	pairs = append(pairs, [2]string{"last whole verification", term.Stamp(r.WholeAt)})
	for _, d := range r.Damage {
		pairs = append(pairs, [2]string{"damage", fmt.Sprintf("%s: %s", d.Kind, d.Says)})
	}
	for _, a := range r.Restored {
		pairs = append(pairs, [2]string{"accepted", fmt.Sprintf("%s: %d events had been signed, up to %d they are these: %s", term.Stamp(a.At), a.Superseded, a.Proven, a.Reason)})
	}
	if r.Verdict == proof.Intact {
		pairs = append(pairs, [2]string{"says", r.Says})
	}
	return out.Facts(r, pairs...)
}

// signedWith is the key that the signatures were compared with.
func signedWith(r proof.Result) string {
	switch {
	case r.Key == "":
		return "none here"
	case r.Pinned:
		return r.Key + " (as given)"
	}
	return r.Key + " (found here; name yours with --key to compare it)"
}
