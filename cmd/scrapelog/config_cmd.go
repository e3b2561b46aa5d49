package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/worker"
)

func newConfigCmd() *cobra.Command {
	group := term.RequireSubcommand(&cobra.Command{Use: "config", Short: "Check or show the configuration"})
	group.AddCommand(newConfigCheckCmd(), newConfigShowCmd())
	return group
}

func newConfigCheckCmd() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a configuration file of serve or worker is right",
		Long: `check reads a configuration file as "scrapelog serve" or "scrapelog worker" would,
and says which of the two it took it for: a file with scrapes, or with keys that
only the worker has, is the worker's. --as decides it instead.`,
		Args: term.NoMoreThan(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := configPath(cmd)
			if len(args) == 1 {
				path = args[0]
			}
			if path == "" {
				return term.Usagef("config check needs a file: there is no %s here", defaultConfigFile)
			}
			found, err := checkConfig(path, as)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, %s\n", path, found)
			return err
		},
	}
	addConfigFlag(cmd)
	cmd.Flags().StringVar(&as, "as", "", "what the file is for: serve or worker (default: by its keys)")
	return cmd
}

// checkConfig reads a file as serve or worker would, and says what it holds.
func checkConfig(path, as string) (found string, err error) {
	source, err := readConfig(path)
	if err != nil {
		return "", err
	}
	if as == "" {
		if as, err = configFor(path, source); err != nil {
			return "", err
		}
	}
	switch as {
	case "serve":
		var config Config
		if config, err = parseConfig(path, source); err == nil {
			err = checkReach(config.Listen, config.WithoutLogins)
		}
		found = fmt.Sprintf("%d scrapers", len(config.Scrapers))
	case "worker":
		var config worker.Config
		if config, err = parseWorkerConfig(path, source); err == nil {
			_, err = worker.New(config, slog.New(slog.DiscardHandler))
		}
		found = fmt.Sprintf("%d scrapes", len(config.Scrapes))
	default:
		return "", term.Usagef("--as: %q is neither serve nor worker", as)
	}
	if err != nil {
		return "", fmt.Errorf("%w (read as the configuration of scrapelog %s)", err, as)
	}
	return fmt.Sprintf("%s (the configuration of scrapelog %s)", found, as), nil
}

// configFor says which command a file configures, by the keys that only one of
// the two has. Where they say nothing it is serve.
func configFor(path string, source []byte) (string, error) {
	doc, err := parseDocument(path, source)
	if err != nil {
		return "", err
	}
	serves, works := keysOf(reflect.TypeFor[Config]()), keysOf(reflect.TypeFor[worker.Config]())
	score := 0
	for _, key := range doc.keys() {
		switch inServe, inWorker := slices.Contains(serves, key), slices.Contains(works, key); {
		case key == "scrapers":
			return "serve", nil
		case key == "scrapes":
			return "worker", nil
		case inServe && !inWorker:
			score++
		case inWorker && !inServe:
			score--
		}
	}
	if score < 0 {
		return "worker", nil
	}
	return "serve", nil
}

func newConfigShowCmd() *cobra.Command {
	flags := &term.DataFlags{}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, defaults and flags included",
		Args:  term.Exactly(),
	}
	flags.Register(cmd)
	cmd.RunE = flags.Run(func(_ context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
		config, err := loadSettings(cmd)
		if err != nil {
			return err
		}
		return showConfig(out, config)
	})
	addConfigFlag(cmd)
	addDBFlag(cmd)
	cmd.Flags().String("listen", "", "address to serve at")
	term.BindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	return cmd
}

// showConfig prints YAML where a table is asked for: what it prints is a
// configuration again, but for the query strings of URLs and the password.
func showConfig(out *term.Printer, config Config) error {
	config.Database, config.Limits = eventstore.Redact(config.Database), config.Limits.inForce()
	config.Scrapers = append([]domain.ScraperConfig(nil), config.Scrapers...)
	for i, scraper := range config.Scrapers {
		config.Scrapers[i] = scraper.Redacted()
	}
	doc, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	if out.IsTable() {
		_, err := fmt.Fprint(out.Out, string(doc))
		return err
	}
	asJSON, err := yaml.YAMLToJSON(doc)
	if err != nil {
		return err
	}
	return out.Document(json.RawMessage(asJSON))
}
