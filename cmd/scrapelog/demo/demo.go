package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/demo/shops"
	"scrapelog/cmd/scrapelog/serve"
	"scrapelog/cmd/scrapelog/term"
)

// Command returns "scrapelog demo".
func Command(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "demo",
		Example: "  scrapelog demo\n  scrapelog demo --break",
		Short:   "Show everything at once: server, worker and a small site to scrape",
		Long: `demo serves the pages, starts a worker as another process and a small site
of three shops, and scrapes it on short schedules. It says when the slow scrape is
running and which command kills its worker, and then what happens; --break kills
the worker itself, once. Everything it writes is in one folder; a second start goes
on where the first stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{cmd: cmd, version: version, data: cmd.Flag("data").Value.String(), listen: cmd.Flag("listen").Value.String()}
			d.breaks = cmd.Flag("break").Value.String() == "true"
			d.withoutLogins = config.AllowsOthers(cmd)
			if err := (config.Config{Listen: d.listen, WithoutLogins: d.withoutLogins, Database: d.database()}).CheckReach(); err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().String("data", "scrapelog-data", "folder for everything the demo writes")
	cmd.Flags().String("listen", config.Default().Listen, "address to serve at")
	term.BindEnv(cmd, "listen", "SCRAPELOG_LISTEN")
	cmd.Flags().Bool("break", false, "kill the worker once, while the slow scrape is running")
	config.AddWithoutLoginsFlag(cmd)
	return cmd
}

// demo is a server and the site in this process, and a worker in another.
type demo struct {
	cmd           *cobra.Command
	version       string
	data          string // folder
	listen        string // of the server
	withoutLogins bool   // other machines may reach it
	breaks        bool   // it kills the worker once
	worker        string // address
	shops         net.Listener
}

// run starts what others need before them, and stops in the opposite order: runs
// may then end while the server waits for them.
func (d *demo) run(ctx context.Context) error {
	unlock, err := d.prepare(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	config, err := config.Load(d.path(serverFile))
	if err != nil {
		return err
	}
	config.WithoutLogins = d.withoutLogins
	log, err := d.appendTo(workerLog)
	if err != nil {
		return err
	}
	defer log.Close()
	serverLines, err := d.appendTo(serverLog)
	if err != nil {
		return err
	}
	defer serverLines.Close()
	logger, err := term.LoggerTo(d.cmd, serverLines)
	if err != nil {
		return err
	}

	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, behind := errgroup.WithContext(behind)
	group.Go(func() error { return d.serveShops(behind) })
	keep := &keeper{log: log, say: d.say, ready: make(chan struct{})}
	group.Go(func() error { return keep.run(behind, d.path(workerFile)) })
	group.Go(func() error {
		defer stop()
		serving, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(behind, cancel)
		answers(serving, workerStart, "http://"+d.worker+"/healthz") // a slot may be due at once
		go d.introduce(serving, keep)
		return serve.Run(serving, config, d.version, serve.Reload{}, logger)
	})
	return group.Wait()
}

// columns are those of a terminal, and one for the end of the line.
const columns = 81

// How long the worker and the server may take to be there.
const (
	workerStart = 5 * time.Second
	serverStart = time.Minute
)

func (d *demo) serveShops(ctx context.Context) error {
	site := &http.Server{Handler: shops.New(shops.Config{Delay: slowPage}), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = site.Close() })
	if err := site.Serve(d.shops); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the shops: %w", err)
	}
	return nil
}

// introduce waits until worker and server are ready, prints what is there, and tells what
// happens from then on.
func (d *demo) introduce(ctx context.Context, keep *keeper) {
	select {
	case <-keep.ready:
	case <-ctx.Done():
		return
	}
	if !answers(ctx, serverStart, "http://"+d.listen+"/readyz") {
		return
	}
	tell := &teller{server: d.listen, say: d.say, worker: keep.worker}
	d.say(introduction, d.absolute(""), d.shops.Addr(), keep.worker(), tell.next(ctx), d.listen)
	if d.breaks {
		tell.kill = keep.kill
	}
	tell.run(ctx)
}

const introduction = `
scrapelog demo

  files    %s (a second start goes on from here)
  logs     server.log and worker.log, in that folder
  shops    http://%s
  worker   process %d

  new-arrivals     every 20s   takes about 1 s
  prices           every 30s   takes about 2 s
  full-catalogue   every 45s   takes about 15 s

full-catalogue %s. What happens to it is told here, and which
command breaks its connection. Ctrl-C ends everything.

  Open     http://%s

`

// asking is the client of the demo's own server and worker.
var asking = &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// answers polls a URL until it answers 200, and reports whether it did in time.
func answers(ctx context.Context, within time.Duration, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		if resp, err := asking.Get(url); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-poll.C:
		}
	}
}

func (d *demo) appendTo(name string) (*os.File, error) {
	return os.OpenFile(d.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// say prints text, broken into lines that fit a terminal.
func (d *demo) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		for len(line) > columns {
			at := strings.LastIndexByte(line[:columns], ' ')
			if at <= 0 {
				break // an address or a path
			}
			fmt.Fprintln(d.cmd.OutOrStdout(), line[:at])
			line = line[at+1:]
		}
		fmt.Fprint(d.cmd.OutOrStdout(), line)
	}
}
