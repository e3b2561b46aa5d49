package client

import (
	"context"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
)

// completed is how many runs are offered to a shell.
const completed = 20

// completing asks the server for what a shell offers. It says nothing when that fails.
func completing(ask func(ctx context.Context, c *client) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return term.Complete(cmd, func(ctx context.Context) ([]string, error) {
			c, err := newClient(cmd)
			if err != nil {
				return nil, err
			}
			return ask(ctx, c)
		})
	}
}

// completeFlag completes the values of a flag. The arguments do not matter.
func completeFlag(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return values(cmd, nil, begun)
	}) // the flag is there
}

// completeList completes what text returns of the newest items of a list of the API.
func completeList[T any](list string, limit int, first []string, text func(T) string) cobra.CompletionFunc {
	return completing(func(ctx context.Context, c *client) ([]string, error) {
		names := slices.Clone(first)
		err := listed(ctx, c, list, url.Values{}, limit, func(item T) error {
			names = append(names, text(item))
			return nil
		})
		return names, err
	})
}

var (
	runIDs = completeList("runs", completed, []string{domain.Latest}, func(r runDoc) string {
		return domain.ShortID(r.view.ID) + "\t" + r.view.Scraper + " " + string(r.view.Status)
	})
	outageIDs = completeList("outages", completed, []string{domain.Latest}, func(o outageDoc) string {
		return domain.ShortID(o.view.ID) + "\t" + o.view.Origin
	})
	scraperNames = completeList("scrapers", maxPage, nil, func(s scraperDoc) string { return s.view.Name })
)

// statuses and triggers are known without a server.
var (
	statuses = cobra.FixedCompletions(textsOf(domain.Statuses[:]), cobra.ShellCompDirectiveNoFileComp)
	triggers = cobra.FixedCompletions(textsOf([]domain.Trigger{domain.TriggerSchedule, domain.TriggerManual, domain.TriggerRecovery}), cobra.ShellCompDirectiveNoFileComp)
)

func textsOf[T ~string](values []T) []cobra.Completion {
	texts := make([]cobra.Completion, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}
