package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/worker"
)

func newConfigCmd() *cobra.Command {
	return term.Group(&cobra.Command{Use: "config", Short: "Check, show or describe the configuration"},
		newConfigCheckCmd(), newConfigShowCmd(), newConfigSchemaCmd(), newConfigExampleCmd())
}

func newConfigCheckCmd() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:     "check [FILE]",
		Example: "  scrapelog config check",
		Short:   "Say whether a configuration file of serve or worker is right",
		Long: `check reads a configuration file as "scrapelog serve" or "scrapelog worker" would,
and says which of the two it took it for: a file with scrapes, or with keys that
only the worker has, is the worker's. --as decides it instead.`,
		Args: term.NoMoreThan(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := config.Path(cmd)
			if len(args) == 1 {
				path = args[0]
			}
			if path == "" {
				return term.Usagef("config check needs a file: there is no %s here", config.DefaultFile)
			}
			found, err := checkConfig(path, as)
			if err != nil {
				return err
			}
			return term.Printf(cmd, "%s: ok, %s\n", path, found)
		},
	}
	config.AddFileFlag(cmd)
	cmd.Flags().StringVar(&as, "as", "", "what the file is for: serve or worker (default: by its keys)")
	return cmd
}

// checkConfig reads a file as serve or worker would, and says what it holds.
func checkConfig(path, as string) (found string, err error) {
	source, err := config.Read(path)
	if err != nil {
		return "", err
	}
	if as == "" {
		if as, err = config.CommandFor(path, source); err != nil {
			return "", err
		}
	}
	switch as {
	case "serve":
		var cfg config.Config
		if cfg, err = config.Parse(path, source); err == nil {
			err = cfg.CheckReach()
		}
		found = fmt.Sprintf("%d scrapers", len(cfg.Scrapers))
	case "worker":
		var cfg worker.Config
		if cfg, err = config.ParseWorker(path, source); err == nil {
			_, err = worker.New(cfg, slog.New(slog.DiscardHandler))
		}
		found = fmt.Sprintf("%d scrapes", len(cfg.Scrapes))
	default:
		return "", term.Usagef("--as: %q is neither serve nor worker", as)
	}
	if err != nil {
		return "", fmt.Errorf("%w (read as the configuration of scrapelog %s)", err, as)
	}
	return fmt.Sprintf("%s (the configuration of scrapelog %s)", found, as), nil
}

func newConfigShowCmd() *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, defaults and flags included",
		Long: `show prints the configuration in force as YAML. With --origin it prints each value
with where it comes from: a flag, a variable, a line of the file, or the default.`,
		Example: "  scrapelog config show\n  scrapelog config show --origin --listen 127.0.0.1:9000",
	}
	term.AddDataFlags(cmd)
	cmd.RunE = term.Run(func(_ context.Context, cmd *cobra.Command, out *term.Printer, _ []string) error {
		if origin {
			return showOrigins(cmd, out)
		}
		cfg, err := config.FromFlags(cmd)
		if err != nil {
			return err
		}
		return showConfig(out, cfg)
	})
	cmd.Flags().BoolVar(&origin, "origin", false, "print where each value comes from")
	config.AddFileFlag(cmd)
	config.AddDatabaseFlag(cmd)
	cmd.Flags().String("listen", "", "address to serve at")
	term.BindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	return cmd
}

func showOrigins(cmd *cobra.Command, out *term.Printer) error {
	settings, err := config.Settings(cmd)
	if err != nil {
		return err
	}
	list := out.List("KEY", "VALUE", "ORIGIN")
	for _, s := range settings {
		value := fmt.Sprint(s.Value)
		if s.Value == nil || value == "[]" || value == "map[]" {
			value = ""
		}
		list.Add(s, s.Key, value, s.Origin)
	}
	return list.Close()
}

func newConfigSchemaCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration file, for editors",
		Long: `schema prints a JSON Schema of the configuration file of serve. An editor with the YAML
language server reads it where the file begins with
  # yaml-language-server: $schema=scrapelog.schema.json`,
		Example: "  scrapelog config schema > scrapelog.schema.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema, err := config.Schema()
			if err != nil {
				return err
			}
			return term.Printf(cmd, "%s\n", schema)
		},
	}
}

func newConfigExampleCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Print a configuration file with every key",
		Example: "  scrapelog config example > scrapelog.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return term.Printf(cmd, "%s", config.Example) },
	}
}

// showConfig prints YAML where a table is asked for: what it prints is a
// configuration again, but for the query strings of URLs and the password.
func showConfig(out *term.Printer, cfg config.Config) error {
	asYAML, asJSON, err := cfg.Encode()
	if err != nil {
		return err
	}
	if out.IsTable() {
		_, err := fmt.Fprint(out, string(asYAML))
		return err
	}
	return out.Document(asJSON)
}
