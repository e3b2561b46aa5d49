package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/handlers/gate"
)

func newServeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Schedule and supervise scrapes, and serve the pages and the API",
		Long: `serve schedules the configured scrapers, follows their runs, records what happens
and starts a lost scrape again when its connection is back. It answers pages and
API at --listen. SIGHUP reads the configuration file again; SIGTERM or SIGINT
waits shutdown_grace for open runs and records the rest as instance_stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			if err := checkReach(config.Listen, config.WithoutLogins); err != nil {
				return err
			}
			reload, stop := reloads(configPath(cmd))
			defer stop()
			return runServe(cmd.Context(), config, reload, term.LoggerFrom(cmd.Context()))
		},
	}
	addConfigFlag(cmd)
	cmd.Flags().String("listen", "", "address to serve at (default 127.0.0.1:8080)")
	cmd.Flags().String("db", "", "database: sqlite:PATH or postgres://… (default sqlite:scrapelog.db)")
	addWithoutLoginsFlag(cmd)
	term.BindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	term.BindEnv(cmd, "db", "SCRAPELOG_DB")
	return cmd
}

// reloads reads the configuration file anew at every SIGHUP.
func reloads(path string) (reload <-chan func() (Config, error), stop func()) {
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	out := make(chan func() (Config, error))
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
			case out <- func() (Config, error) { return LoadConfig(path) }:
			}
		}
	}()
	return out, func() {
		signal.Stop(hups)
		close(done)
	}
}

// runServe serves until ctx ends. The address is taken before anything is
// written, so that a busy port changes nothing.
func runServe(ctx context.Context, config Config, reload <-chan func() (Config, error), logger *slog.Logger) error {
	listener, err := listen(ctx, config.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	front := serveFront(gate.LimitConnections(listener, config.Limits.inForce().Connections), logger)
	defer front.Close()
	store, err := openServed(ctx, eventstore.Config{URL: config.Database, Pool: config.Pool, Logger: logger})
	if err == nil {
		defer store.Close()
		gate.WarnOfRoot(logger)
		warned, stop := context.WithCancel(ctx)
		defer stop()
		go gate.WarnOfReach(warned, logger, config.Listen, "other machines read the whole log and start, cancel and pause here without a login")
		err = newService(config, store, logger).run(ctx, front, reload)
	}
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || eventstore.Unreachable(err)) {
		return nil // what was begun was cut short by our own stop
	}
	return err
}

// openServed opens the database, and waits for a server that starts or has no
// connection free.
func openServed(ctx context.Context, config eventstore.Config) (*eventstore.Store, error) {
	for said := false; ; {
		store, err := eventstore.Open(ctx, config)
		if err == nil || !eventstore.NotYet(err) || ctx.Err() != nil {
			return store, err
		}
		if !said {
			config.Logger.Error("database unavailable, retrying", "error", err)
			said = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := gate.Listen(ctx, address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, term.Failf(term.ErrUnreachable, "%s is in use by another program; stop it or choose another address with --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: cannot listen at %s: %w", term.ErrUnreachable, address, err)
	}
	return listener, nil
}
