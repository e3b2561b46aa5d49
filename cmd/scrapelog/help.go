package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/docs"
)

// newContractCmd returns a help topic: a command without an action.
func newContractCmd() *cobra.Command {
	contract, _ := docs.Get("contract")
	return &cobra.Command{Use: "contract", Short: contract.Title, Long: contract.Text}
}

// newHelpCauseCmd returns "help cause NAME".
func newHelpCauseCmd() *cobra.Command {
	var names, titles []string
	for _, d := range docs.All() {
		if name, ok := strings.CutPrefix(d.Name, "causes/"); ok {
			names, titles = append(names, name), append(titles, "  "+d.Title)
		}
	}
	return &cobra.Command{
		Use:       "cause NAME",
		Short:     "What a cause of a loss or a failure means, and what to do",
		Long:      "cause explains why a run was lost or failed: what it means, how to look and what\nto do.\n\n" + strings.Join(titles, "\n"),
		Args:      term.Exactly("NAME"),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, ok := docs.Get("causes/" + args[0])
			if !ok {
				return term.Usagef(`help cause: there is no cause %.40q; see "scrapelog help cause --help"`, args[0])
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), d.Text)
			return err
		},
	}
}

// addHelp adds the help command, with the topic that needs a name.
func addHelp(root *cobra.Command) {
	help := &cobra.Command{
		Use: "help [COMMAND]", GroupID: "More",
		Short: "Help about a command, the contract or a cause",
		RunE: func(_ *cobra.Command, args []string) error {
			target, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return term.Usagef("help: there is no command or topic %.60q", strings.Join(args, " "))
			}
			return target.Help()
		},
	}
	help.AddCommand(newHelpCauseCmd())
	root.SetHelpCommand(help)
}
