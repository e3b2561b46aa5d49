package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore"
	"scrapelog/handlers/egress"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/notify"
	"scrapelog/handlers/ready"
	"scrapelog/projections"
)

// Command returns "scrapelog serve".
func Command(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "serve",
		Example: "  scrapelog serve\n  scrapelog serve --config scrapelog.yaml --listen 127.0.0.1:8080 --db sqlite:scrapelog.db",
		Short:   "Schedule and supervise scrapes, and serve the pages and the API",
		Long: `serve schedules the configured scrapers, follows their runs, records what happens
and starts a lost scrape again when its connection is back. It answers pages and
API at --listen. SIGHUP reads the scrapers and the channels of notices of the
configuration file again, and the certificate; SIGTERM or SIGINT
waits shutdown_grace for open runs and records the rest as instance_stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromFlags(cmd)
			if err != nil {
				return err
			}
			cfg.SetupLink = cmd.Flag("setup-link").Value.String() == "true"
			if err := cfg.CheckReach(); err != nil {
				return err
			}
			hups := make(chan os.Signal, 1)
			signal.Notify(hups, syscall.SIGHUP)
			defer signal.Stop(hups)
			path := config.Path(cmd)
			reload := Reload{When: hups, Load: func() (config.Config, error) { return config.Load(path) }}
			return Run(cmd.Context(), cfg, version, reload, term.LoggerFrom(cmd.Context()))
		},
	}
	config.AddFileFlag(cmd)
	cmd.Flags().String("listen", "", "address to serve at (default 127.0.0.1:8080)")
	cmd.Flags().String("db", "", "database: sqlite:PATH or postgres://… (default sqlite:scrapelog.db)")
	cmd.Flags().Bool("setup-link", false, "while there is no admin, write a token beside the key of the log that lets its reader add the first one at /setup, once and within 15 minutes")
	config.AddWithoutLoginsFlag(cmd)
	term.BindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	term.BindEnv(cmd, "db", "SCRAPELOG_DB")
	return cmd
}

// Reload says when the configuration file is read again, and how. The zero value never does.
type Reload struct {
	When <-chan os.Signal
	Load func() (config.Config, error)
}

// Run serves until ctx ends. It listens before it writes anything, so that a busy port
// changes nothing.
func Run(ctx context.Context, cfg config.Config, version string, reload Reload, logger *slog.Logger) error {
	proxies, err := cfg.TrustedProxies()
	if err != nil {
		return term.Usagef("%v", err)
	}
	certificate, secure, err := openCertificate(ctx, cfg.TLS, logger)
	if err != nil {
		return err
	}
	listener, err := Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	front := ready.NewFront(gate.LimitConnections(listener, cfg.Limits.InForce().Connections), secure, proxies, logger)
	defer front.Close()
	err = serve(ctx, cfg, version, front, certificate, reload, logger)
	if ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || eventstore.Unreachable(err)) {
		return nil // our own stop interrupted it
	}
	return err
}

// openCertificate reads the certificate, and again on SIGHUP and when its files change,
// until ctx ends. Without one it returns nil.
func openCertificate(ctx context.Context, files config.TLS, logger *slog.Logger) (*gate.Certificate, *tls.Config, error) {
	if files.Cert == "" {
		return nil, nil, nil
	}
	certificate, err := gate.OpenCertificate(files.Cert, files.Key, logger)
	if err != nil {
		return nil, nil, term.Usagef("tls: %v; it needs a certificate and its key as PEM files", err)
	}
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { signal.Stop(hups) })
	go certificate.Follow(ctx, hups)
	return certificate, certificate.Config(), nil
}

// serve opens the database and serves it. It waits while a database server starts or has
// no free connection.
func serve(ctx context.Context, cfg config.Config, version string, front *ready.Front, certificate *gate.Certificate, reload Reload, logger *slog.Logger) error {
	content, err := cfg.Content()
	if err != nil {
		return err
	}
	var s *service
	channels, err := notify.Open(cfg.Notify, func() egress.Rules { return s.file.Egress() })
	if err := errors.Join(err, cfg.Heartbeat.Check(), cfg.Forward.Check(), cfg.Audit.Forward.Check()); err != nil {
		return term.Usagef("%v", err)
	}
	var store *eventstore.Store
	err = eventstore.Retry(ctx, logger, eventstore.NotYet, func(ctx context.Context) (err error) {
		store, err = eventstore.Open(ctx, eventstore.Config{URL: cfg.Database, Pool: cfg.Pool, Logger: logger})
		return err
	})
	if err != nil {
		return err
	}
	defer store.Close()
	if err := projections.MustNotBeNewer(ctx, store); err != nil {
		return err
	}
	gate.WarnOfRoot(logger)
	warned, stop := context.WithCancel(ctx)
	defer stop()
	go gate.WarnOfReach(warned, logger, cfg.OpenTo(), "other machines read the whole log and start, cancel and pause here without a login")
	s = newService(cfg, version, store, logger)
	s.certificate = certificate
	s.file.Listen(gate.Address(front.Listener))
	s.file.Set(content)
	s.channels = channels
	return s.run(ctx, front, reload)
}

// Listen listens at an address; errors are for people.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := gate.Listen(ctx, address)
	if err != nil {
		return nil, term.CannotListen(address, err)
	}
	return listener, nil
}
