package term

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
)

// ArgsAreUsage makes every error about arguments a usage error. A command takes no
// arguments unless it says so.
func ArgsAreUsage(cmd *cobra.Command) {
	if cmd.Args == nil && cmd.Runnable() {
		cmd.Args = Exactly()
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err != nil && !errors.Is(err, ErrUsage) {
				return Usagef("%s: %v", CommandName(cmd), err)
			}
			return err
		}
	}
	for _, sub := range cmd.Commands() {
		ArgsAreUsage(sub)
	}
}

// Group returns a group of commands. It prints one line and exits with 2 when the
// subcommand is missing or unknown, where cobra would print help and exit with 0.
func Group(group *cobra.Command, cmds ...*cobra.Command) *cobra.Command {
	group.AddCommand(cmds...)
	group.Args, group.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	group.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			if !cmd.HasParent() {
				return cmd.Help()
			}
			return Usagef("%s: name a command: %s", CommandName(cmd), subcommands(cmd))
		}
		hint := "use " + subcommands(cmd)
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + near[0] + "?"
		}
		if !cmd.HasParent() {
			return Usagef("there is no command %q; %s", args[0], hint)
		}
		return Usagef("%s: there is no command %q; %s", CommandName(cmd), args[0], hint)
	}
	return group
}

// CommandName returns the path of a command without "scrapelog".
func CommandName(cmd *cobra.Command) string {
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

// Exactly requires the named arguments, no fewer and no more.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return Usagef("%s: %s is missing; see %q", CommandName(cmd), names[len(args)], cmd.CommandPath()+" --help")
		}
		return NoMoreThan(len(names))(cmd, args)
	}
}

// NoMoreThan allows up to n arguments.
func NoMoreThan(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return Usagef("%s: %q is one argument too many; see %q", CommandName(cmd), args[n], cmd.CommandPath()+" --help")
		}
		return nil
	}
}
