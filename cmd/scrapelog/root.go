package main

import (
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/client"
	"scrapelog/cmd/scrapelog/demo"
	"scrapelog/cmd/scrapelog/inspect"
	"scrapelog/cmd/scrapelog/serve"
	"scrapelog/cmd/scrapelog/term"
)

const rootHelp = `scrapelog schedules scrapes and follows each over server-sent events. When a
stream drops, the run ends as connection_failed, the log records it, and a new
scrape starts the moment the connection is back.

Start with "scrapelog demo". Data goes to stdout, everything else to stderr.

Exit codes: 0 ok, 1 negative answer, 2 usage or configuration, 3 not found,
4 log or server unreachable, 5 log damaged, 6 refused, 124 timeout,
130 interrupted, 141 the reader of the output has gone.

A flag beats its environment variable, which beats the configuration file,
which beats the default.`

// newRootCmd returns the root command with all commands.
func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:           "scrapelog",
		Short:         "Scrapes on schedule, and again at once when the connection is back",
		Long:          rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	term.Register(root)
	addGroup(root, "Services", serve.Command(version()), newWorkerCmd(), demo.Command(version()))
	addGroup(root, "A running server", client.Status(), client.Top(), client.Runs(), client.Scrapers(), client.Outages(), client.Notices(), client.Notify(),
		client.Users(), client.Tokens(), client.Login(), client.Logout())
	addGroup(root, "The log, directly", inspect.Events(), inspect.Audit(), inspect.Projections(), inspect.Database())
	addGroup(root, "More", newConfigCmd(), newVersionCmd(), newContractCmd())
	root.SetCompletionCommandGroupID("More")
	addHelp(root)
	addCompletion(root)
	addAliases(root)
	term.Group(root)
	addVersion(root)
	term.ArgsAreUsage(root)
	return root
}

// addCompletion adds cobra's command now, so that it is told like every other group which
// shell it does not know.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			term.Group(cmd)
		}
	}
}

// singular are the aliases of groups.
var singular = map[string]string{
	"runs": "run", "scrapers": "scraper", "events": "event", "outages": "outage", "notices": "notice", "users": "user", "tokens": "token",
}

// addAliases gives every group its singular and every list "ls".
func addAliases(root *cobra.Command) {
	for _, group := range root.Commands() {
		if alias := singular[group.Name()]; alias != "" && !group.HasAlias(alias) {
			group.Aliases = append(group.Aliases, alias)
		}
		for _, cmd := range group.Commands() {
			if cmd.Name() == "list" && !cmd.HasAlias("ls") {
				cmd.Aliases = append(cmd.Aliases, "ls")
			}
			for _, sub := range cmd.Commands() {
				if sub.Name() == "list" {
					sub.Aliases = append(sub.Aliases, "ls")
				}
			}
		}
	}
}

func addGroup(root *cobra.Command, title string, cmds ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title + ":"})
	for _, cmd := range cmds {
		cmd.GroupID = title
		root.AddCommand(cmd)
	}
}
