package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
)

// applied is what apply did, or would do, with a scraper.
type applied struct {
	Scraper string `json:"scraper"`
	Result  string `json:"result"` // created, changed, unchanged or removed
	DryRun  bool   `json:"dry_run,omitempty"`
}

func newScrapersApplyCmd() *cobra.Command {
	var file string
	var dryRun, prune bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make the scrapers of a server what a file says",
		Long: `apply makes and changes scrapers through the API, as the scrapers of FILE say; "-" is
stdin. FILE is as a configuration file: its other keys must be right, and have no effect.
The whole file is checked before anything is changed. A scraper that is as the file says
stays as it is, and no event is recorded.

--prune removes the scrapers made through the API that are not in the file. Those of the
server's own configuration file cannot be changed this way (exit 6).`,
		Example: `  scrapelog scrapers apply -f scrapers.yaml --dry-run
  scrapelog scrapers show shop-prices | scrapelog scrapers apply -f - --server http://127.0.0.1:8081`,
	}
	cmd.RunE = term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, _ []string) error {
		if file == "" {
			return term.Usagef("scrapers apply: -f FILE is missing; see %q", cmd.CommandPath()+" --help")
		}
		cfg, err := config.LoadFrom(file, cmd.InOrStdin())
		if err != nil {
			return err
		}
		return c.applyScrapers(ctx, out, cfg.Scrapers, dryRun, prune)
	}))
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove the scrapers made through the API that the file does not have")
	return cmd
}

func (c *client) applyScrapers(ctx context.Context, out *term.Printer, wanted []domain.ScraperConfig, dryRun, prune bool) error {
	have := map[string]scraperDoc{}
	err := listed(ctx, c, "scrapers", url.Values{}, 0, func(s scraperDoc) error {
		have[s.view.Name] = s
		return nil
	})
	if err != nil {
		return err
	}
	list := out.List("SCRAPER", "RESULT")
	report := func(name, result string) error {
		return list.Add(applied{name, result, dryRun}, name, result)
	}
	for _, config := range wanted {
		result, err := c.applyScraper(ctx, config, have, dryRun)
		if err == nil {
			err = report(config.Name, result)
		}
		if err != nil {
			return errors.Join(list.Close(), err)
		}
		delete(have, config.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if !prune || have[name].view.Source != domain.SourceAPI {
			continue
		}
		if !dryRun {
			err = c.removeScraper(ctx, name, "not in the file that was applied")
		}
		if err == nil {
			err = report(name, "removed")
		}
		if err != nil {
			return errors.Join(list.Close(), err)
		}
	}
	return list.Close()
}

// applyScraper puts a scraper that is not there as it is wanted.
func (c *client) applyScraper(ctx context.Context, wanted domain.ScraperConfig, have map[string]scraperDoc, dryRun bool) (result string, err error) {
	before, there := have[wanted.Name]
	result = "created"
	if there {
		same, err := sameConfig(before.view.Config, wanted)
		if err != nil || same {
			return "unchanged", err
		}
		if before.view.Source != domain.SourceAPI {
			return "", term.Failf(term.ErrRefused, "scraper %s is managed by the server's configuration file: change it there", wanted.Name)
		}
		result = "changed"
	}
	if dryRun {
		return result, nil
	}
	var after scraperDoc
	return result, c.exchange(ctx, http.MethodPut, scraperPath(wanted.Name), wanted, &after)
}

func sameConfig(a, b domain.ScraperConfig) (bool, error) {
	first, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	second, err := json.Marshal(b)
	return bytes.Equal(first, second), err
}

func newScrapersRemoveCmd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "remove NAME", ValidArgsFunction: scraperNames,
		Short: "Take a scraper out of service",
		Long: `remove takes a scraper that was made through the API out of service. Its runs and
events stay. A scraper of the server's configuration file is removed there (exit 6).`,
		Example: "  scrapelog scrapers remove shop-prices --reason 'the shop has closed'",
		Args:    term.Exactly("NAME"),
		RunE: term.Run(asking(func(ctx context.Context, c *client, out *term.Printer, args []string) error {
			if err := c.removeScraper(ctx, args[0], reason); err != nil {
				return err
			}
			return out.Facts(applied{Scraper: args[0], Result: "removed"}, [2]string{"scraper", args[0]}, [2]string{"result", "removed"})
		})),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log")
	return cmd
}

func (c *client) removeScraper(ctx context.Context, name, reason string) error {
	var body any
	if reason != "" {
		body = map[string]string{"reason": reason}
	}
	return c.none(ctx, http.MethodDelete, scraperPath(name), body)
}
