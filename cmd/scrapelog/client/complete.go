package client

import (
	"context"
	"net/url"
	"strconv"

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

var runIDs = completing(func(ctx context.Context, c *client) ([]string, error) {
	names := []string{domain.Latest}
	var answer struct{ Runs []runDoc }
	err := c.get(ctx, "/api/v1/runs", url.Values{"limit": {strconv.Itoa(completed)}}, &answer)
	for _, r := range answer.Runs {
		names = append(names, domain.ShortID(r.view.ID)+"\t"+r.view.Scraper+" "+string(r.view.Status))
	}
	return names, err
})

var outageIDs = completing(func(ctx context.Context, c *client) ([]string, error) {
	names := []string{domain.Latest}
	var answer struct{ Outages []outageDoc }
	err := c.get(ctx, "/api/v1/outages", url.Values{"limit": {strconv.Itoa(completed)}}, &answer)
	for _, o := range answer.Outages {
		names = append(names, domain.ShortID(o.view.ID)+"\t"+o.view.Origin)
	}
	return names, err
})

var scraperNames = completing(func(ctx context.Context, c *client) (names []string, err error) {
	var answer struct{ Scrapers []scraperDoc }
	err = c.get(ctx, "/api/v1/scrapers", url.Values{"limit": {strconv.Itoa(maxPage)}}, &answer)
	for _, s := range answer.Scrapers {
		names = append(names, s.view.Name)
	}
	return names, err
})

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
