package main

import (
	"context"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/systemd"
	"scrapelog/handlers/worker"
)

// withoutSecret is the flag that lets other machines reach the worker.
const withoutSecret = "listen-without-secret"

func newWorkerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "worker",
		Example: "  scrapelog worker --config worker.yaml",
		Short:   "Run commands or scrape HTML pages when a server asks for it",
		Long: `worker answers POST /scrapes/NAME with a stream of server-sent events, and does
what its configuration says under that name: run a program, or scrape the pages
of web sites. It stops a scrape as soon as the client goes away, with all that the
scrape has started. docs/worker.md lists the keys, what a program sees and how its
lines are read, and who may start a scrape.

Pages are read as a browser without scripts reads them: its encodings, gzip,
deflate, br and zstd, the text it would show. robots.txt is obeyed by RFC 9309,
links and redirects stay on the scheme, host and port of the start page, and the
note of the run says how the crawl ended. docs/html-scrapes.md lists the keys,
the rules and the bounds.

"scrapelog help contract" says how to write a scraper of your own instead, and
"scrapelog worker check" whether it is right.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWorker(cmd) },
	}
	cmd.Flags().String("config", "", "configuration file (required)")
	cmd.Flags().String("listen", "", "address to listen at (default "+worker.DefaultConfig().Listen+")")
	cmd.Flags().Bool(withoutSecret, false, "let other machines reach --listen: each of them may start scrapes with its own params")
	term.BindEnv(cmd, withoutSecret, "SCRAPELOG_WORKER_LISTEN_WITHOUT_SECRET")
	term.BindEnv(cmd, "config", "SCRAPELOG_WORKER_CONFIG")
	term.BindEnv(cmd, "listen", "SCRAPELOG_WORKER_LISTEN")
	cmd.AddCommand(newWorkerCheckCmd())
	return cmd
}

func runWorker(cmd *cobra.Command) error {
	config, err := config.LoadWorker(cmd.Flag("config").Value.String(), cmd.Flag("listen").Value.String())
	if err != nil {
		return err
	}
	config.ListenWithoutSecret = config.ListenWithoutSecret || cmd.Flag(withoutSecret).Value.String() == "true"
	ctx := cmd.Context()
	logger := term.LoggerFrom(ctx)
	w, err := worker.New(config, logger)
	if err != nil {
		return err // the file is valid by itself: it is a flag, or who can reach the address
	}
	listener, err := w.Listen(ctx)
	if err != nil {
		return term.CannotListen(config.Listen, err)
	}
	gate.WarnOfRoot(logger)
	warned, stop := context.WithCancel(ctx)
	defer stop()
	go gate.WarnOfReach(warned, logger, config.Listen, "other machines may start scrapes here")
	logger.Info("worker is listening", "url", "http://"+listener.Addr().String(), "scrapes", len(config.Scrapes), "version", version())
	manager := systemd.Notifier{Logger: logger, Status: func(context.Context) string { return "listening at " + listener.Addr().String() }}
	go func() { _ = manager.Run(warned) }()
	return w.Serve(ctx, listener)
}
