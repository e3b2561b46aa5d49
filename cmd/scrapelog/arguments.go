package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// argsAreUsage makes every complaint about arguments a usage error.
func argsAreUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err != nil && !errors.Is(err, errUsage) {
				return usagef("%s: %v", name(cmd), err)
			}
			return err
		}
	}
	for _, sub := range cmd.Commands() {
		argsAreUsage(sub)
	}
}

// requireSubcommand makes a group answer with one line and exit 2 when its
// subcommand is missing or unknown, where cobra would print help and exit 0.
func requireSubcommand(group *cobra.Command) *cobra.Command {
	group.Args, group.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	group.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			if !cmd.HasParent() {
				return cmd.Help()
			}
			return usagef("%s: name a command: %s", name(cmd), subcommands(cmd))
		}
		hint := "use " + subcommands(cmd)
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + near[0] + "?"
		}
		return usagef("%s: there is no command %q; %s", name(cmd), args[0], hint)
	}
	return group
}

// name is how a command is called, after "scrapelog".
func name(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

func subcommands(cmd *cobra.Command) string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return strings.Join(names, ", ")
}

// exactly wants the named arguments, no fewer and no more.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s: %s is missing; see %q", name(cmd), names[len(args)], cmd.CommandPath()+" --help")
		}
		return noMoreThan(len(names))(cmd, args)
	}
}

func noMoreThan(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usagef("%s: %q is one argument too many; see %q", name(cmd), args[n], cmd.CommandPath()+" --help")
		}
		return nil
	}
}
