package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootHelp = `scrapelog schedules scrapes and follows each over server-sent events. When a
stream drops, the run ends as connection_failed, the log records it, and a new
scrape starts the moment the connection is back.

Start with "scrapelog demo". Data goes to stdout, everything else to stderr.

Exit codes: 0 ok, 1 negative answer, 2 usage or configuration, 3 not found,
4 log or server unreachable, 5 log damaged, 6 refused, 124 timeout,
130 interrupted, 141 the reader of the output has gone. A flag beats its environment variable, which beats the
configuration file, which beats the default.`

// newRootCmd names every command, once.
func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:               "scrapelog",
		Short:             "Scrapes on schedule, and again at once when the connection is back",
		Long:              rootHelp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: prepare,
	}
	flags := root.PersistentFlags()
	flags.String("log-format", "text", "logs on stderr as text or json")
	flags.String("log-level", "info", "least level to log: debug, info, warn or error")
	flags.String("color", "auto", "colours: auto, always or never")
	bindEnv(root, "log-format", "SCRAPELOG_LOG_FORMAT")
	bindEnv(root, "log-level", "SCRAPELOG_LOG_LEVEL")
	bindEnv(root, "color", "SCRAPELOG_COLOR")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok && strings.HasSuffix(invalid.GetFlag().Name, "-env") {
			return usagef("--%s: the value is not NAME=VARIABLE, and is not repeated here: it may be a secret", invalid.GetFlag().Name)
		}
		return usagef("%v; see %q", err, cmd.CommandPath()+" --help")
	})
	addGroup(root, "Services", newServeCmd(), newWorkerCmd(), newDemoCmd())
	addGroup(root, "A running server", newRunsCmd(), newScrapersCmd())
	addGroup(root, "The log, directly", newEventsCmd(), newAuditCmd(), newProjectionsCmd(), newDBCmd())
	addGroup(root, "More", newConfigCmd(), newVersionCmd(), newContractCmd())
	root.SetHelpCommandGroupID("More")
	root.SetCompletionCommandGroupID("More")
	requireSubcommand(root)
	argsAreUsage(root)
	return root
}

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

func addGroup(root *cobra.Command, title string, cmds ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title + ":"})
	for _, cmd := range cmds {
		cmd.GroupID = title
		root.AddCommand(cmd)
	}
}

// prepare runs before every command: the environment speaks for flags that were
// not given, then the logger is made.
func prepare(cmd *cobra.Command, _ []string) error {
	if err := applyEnv(cmd); err != nil {
		return err
	}
	text := func(name string) string { return cmd.Flag(name).Value.String() }
	colour, err := wantsColour(text("color"), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	logger, err := newLogger(cmd.ErrOrStderr(), text("log-format"), text("log-level"), colour)
	if err != nil {
		return err
	}
	cmd.SetContext(withLogger(cmd.Context(), logger))
	return nil
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
