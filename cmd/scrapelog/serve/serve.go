package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/ready"
)

// Command returns "scrapelog serve".
func Command(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Schedule and supervise scrapes, and serve the pages and the API",
		Long: `serve schedules the configured scrapers, follows their runs, records what happens
and starts a lost scrape again when its connection is back. It answers pages and
API at --listen. SIGHUP reads the configuration file again; SIGTERM or SIGINT
waits shutdown_grace for open runs and records the rest as instance_stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromFlags(cmd)
			if err != nil {
				return err
			}
			if err := config.CheckReach(cfg.Listen, cfg.WithoutLogins); err != nil {
				return err
			}
			reload, stop := reloads(config.Path(cmd))
			defer stop()
			return Run(cmd.Context(), cfg, version, reload, term.LoggerFrom(cmd.Context()))
		},
	}
	config.AddFileFlag(cmd)
	cmd.Flags().String("listen", "", "address to serve at (default 127.0.0.1:8080)")
	cmd.Flags().String("db", "", "database: sqlite:PATH or postgres://… (default sqlite:scrapelog.db)")
	config.AddWithoutLoginsFlag(cmd)
	term.BindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	term.BindEnv(cmd, "db", "SCRAPELOG_DB")
	return cmd
}

// reloads returns a channel that delivers, at every SIGHUP, a function that reads the
// configuration file again.
func reloads(path string) (reload <-chan func() (config.Config, error), stop func()) {
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	out := make(chan func() (config.Config, error))
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hups:
			}
			select {
			case <-done:
				return
			case out <- func() (config.Config, error) { return config.Load(path) }:
			}
		}
	}()
	return out, func() {
		signal.Stop(hups)
		close(done)
	}
}

// Run serves until ctx ends. It listens before it writes anything, so that a busy port
// changes nothing.
func Run(ctx context.Context, cfg config.Config, version string, reload <-chan func() (config.Config, error), logger *slog.Logger) error {
	listener, err := Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	front := ready.NewFront(gate.LimitConnections(listener, cfg.Limits.InForce().Connections), logger)
	defer front.Close()
	store, err := openServed(ctx, eventstore.Config{URL: cfg.Database, Pool: cfg.Pool, Logger: logger})
	if err == nil {
		defer store.Close()
		gate.WarnOfRoot(logger)
		warned, stop := context.WithCancel(ctx)
		defer stop()
		go gate.WarnOfReach(warned, logger, cfg.Listen, "other machines read the whole log and start, cancel and pause here without a login")
		err = newService(cfg, version, store, logger).run(ctx, front, reload)
	}
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || eventstore.Unreachable(err)) {
		return nil // our own stop interrupted it
	}
	return err
}

// openServed opens the database. It retries while a database server starts or has no
// free connection.
func openServed(ctx context.Context, cfg eventstore.Config) (*eventstore.Store, error) {
	for said := false; ; {
		store, err := eventstore.Open(ctx, cfg)
		if err == nil || !eventstore.NotYet(err) || ctx.Err() != nil {
			return store, err
		}
		if !said {
			cfg.Logger.Error("database unavailable, retrying", "error", err)
			said = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// Listen listens at an address; errors are for people.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := gate.Listen(ctx, address)
	if err != nil {
		return nil, term.CannotListen(address, err)
	}
	return listener, nil
}
