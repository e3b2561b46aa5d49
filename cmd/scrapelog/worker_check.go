package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/contract"
)

// checkTimeout is how long a check takes at most, unless --timeout says otherwise.
const checkTimeout = 5 * time.Minute

func newWorkerCheckCmd() *cobra.Command {
	target, params := contract.Target{}, ""
	cmd := &cobra.Command{
		Use:     "check URL",
		Example: "  scrapelog worker check http://127.0.0.1:9090/scrapes/shop-prices",
		Short:   "Say whether a scraper keeps to the contract",
		Long: `check asks the scraper at URL for real scrapes, as a server would, and judges
what comes back: one is followed to its end, up to three more are started and
left. Give --params that keep them short, yet some seconds long, and check a
scraper that is idle.

With --sign-env three more orders are sent, which a scraper that verifies
signatures refuses: one without a signature, one signed too long ago, one that has
come before.

Each finding comes with what mends it, and the command exits 1. What there was
nothing to judge by is "unseen". The contract itself: scrapelog help contract.`,
		Args: term.Exactly("URL"),
	}
	term.AddDataFlags(cmd)
	cmd.PersistentFlags().Lookup("timeout").DefValue = checkTimeout.String()
	cmd.RunE = term.RunWithin(checkTimeout, func(ctx context.Context, _ *cobra.Command, out *term.Printer, args []string) (err error) {
		target.URL = args[0]
		if target.Params, err = term.ParseParams(params); err != nil {
			return err
		}
		verdicts, err := contract.Check(ctx, target)
		if printed := printVerdicts(out, verdicts); printed != nil || err != nil {
			return cmp.Or(printed, err)
		}
		return answerOf(verdicts, out.Notes)
	})
	cmd.Flags().StringVar(&target.Scraper, "scraper", "", "the name that the scraper is given in the order")
	cmd.Flags().StringSliceVar(&target.Platforms, "platforms", nil, "the platforms of the order, separated by commas")
	cmd.Flags().StringVar(&params, "params", "", "the params of the order, a JSON object")
	cmd.Flags().StringVar(&target.SignEnv, "sign-env", "", "sign the orders with the secret in this environment variable, and check that others are refused")
	cmd.Flags().StringToStringVar(&target.HeadersEnv, "header-env", nil, "send a header whose value is in an environment variable: NAME=VARIABLE")
	return cmd
}

// printVerdicts prints nothing when nothing was seen. What mends a finding has a
// row of its own in a table.
func printVerdicts(out *term.Printer, verdicts []contract.Verdict) error {
	if tally(verdicts, contract.Unseen) == len(verdicts) {
		return nil
	}
	l := out.List("RULE", "RESULT", "SEEN")
	for _, v := range verdicts {
		l.Add(v, string(v.Rule), string(v.Result), v.Seen)
		if v.Fix != "" && out.IsTable() {
			l.Add(nil, "", "fix", v.Fix)
		}
	}
	return l.Close()
}

// answerOf returns a negative answer if there are findings, and notes how many rules
// could not be judged.
func answerOf(verdicts []contract.Verdict, notes io.Writer) error {
	if unseen := tally(verdicts, contract.Unseen); unseen > 0 {
		fmt.Fprintf(notes, "%d of %d rules could not be judged\n", unseen, len(verdicts))
	}
	if findings := tally(verdicts, contract.Finding); findings > 0 {
		return term.Failf(term.ErrNegative, "%d of %d rules are not kept", findings, len(verdicts))
	}
	return nil
}

func tally(verdicts []contract.Verdict, result contract.Result) (n int) {
	for _, v := range verdicts {
		if v.Result == result {
			n++
		}
	}
	return n
}
