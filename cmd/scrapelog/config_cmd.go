package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

func newConfigCmd() *cobra.Command {
	group := requireSubcommand(&cobra.Command{Use: "config", Short: "Check or show the configuration"})
	group.AddCommand(newConfigCheckCmd(), newConfigShowCmd())
	return group
}

func newConfigCheckCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a configuration file is right",
		Args:  noMoreThan(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := configPath(cmd)
			if len(args) == 1 {
				path = args[0]
			}
			if path == "" {
				return usagef("config check needs a file: there is no %s here", defaultConfigFile)
			}
			config, err := LoadConfig(path)
			if err != nil {
				return err
			}
			if err := checkReach(config.Listen, config.WithoutLogins); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, %d scrapers\n", path, len(config.Scrapers))
			return err
		},
	}
	addConfigFlag(cmd)
	return cmd
}

func newConfigShowCmd() *cobra.Command {
	flags := &dataFlags{}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, defaults and flags included",
		Args:  exactly(),
	}
	flags.register(cmd)
	cmd.RunE = flags.run(func(_ context.Context, cmd *cobra.Command, out *printer, _ []string) error {
		config, err := loadSettings(cmd)
		if err != nil {
			return err
		}
		return showConfig(out, config)
	})
	addConfigFlag(cmd)
	addDBFlag(cmd)
	cmd.Flags().String("listen", "", "address to serve at")
	bindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	return cmd
}

// showConfig prints YAML where a table is asked for: what it prints is a
// configuration again, but for the query strings of URLs and the password.
func showConfig(out *printer, config Config) error {
	config.Database = eventstore.Redact(config.Database)
	config.Scrapers = append([]domain.ScraperConfig(nil), config.Scrapers...)
	for i, scraper := range config.Scrapers {
		config.Scrapers[i] = scraper.Redacted()
	}
	doc, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	if out.isTable() {
		_, err := fmt.Fprint(out.w, string(doc))
		return err
	}
	asJSON, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return err
	}
	return out.document(json.RawMessage(asJSON))
}
