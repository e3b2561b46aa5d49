package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/demo/shops"
	"scrapelog/cmd/scrapelog/serve"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/handlers/apply"
)

// Command returns "scrapelog demo".
func Command(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything at once: server, worker and a small site to scrape",
		Long: `demo serves the pages, starts a worker as a process of its own and a small site
of three shops, and scrapes it on short schedules. It prints the worker's process
id, so that you can kill the worker and watch what happens. Everything it writes
is in one folder; a second start goes on where the first stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo{cmd: cmd, version: version, data: cmd.Flag("data").Value.String(), listen: cmd.Flag("listen").Value.String()}
			d.withoutLogins = config.AllowsOthers(cmd)
			if err := (config.Config{Listen: d.listen, WithoutLogins: d.withoutLogins, Database: d.database()}).CheckReach(); err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().String("data", "scrapelog-data", "folder for everything the demo writes")
	cmd.Flags().String("listen", config.Default().Listen, "address to serve at")
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
	log, err := os.OpenFile(d.path(workerLog), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()

	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, behind := errgroup.WithContext(behind)
	group.Go(func() error { return d.serveShops(behind) })
	keep := &keeper{log: log, say: d.say, started: make(chan int, 1)}
	group.Go(func() error { return keep.run(behind, d.path(workerFile)) })
	group.Go(func() error {
		defer stop()
		serving, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(behind, cancel)
		answers(serving, workerStart, "http://"+d.worker+"/healthz") // a slot may be due at once
		go d.introduce(serving, keep.started)
		return serve.Run(serving, config, d.version, apply.Reload{}, term.LoggerFrom(ctx))
	})
	return group.Wait()
}

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

// introduce waits until worker and server are ready, and prints the addresses and what
// to try.
func (d *demo) introduce(ctx context.Context, started <-chan int) {
	select {
	case pid := <-started:
		if answers(ctx, serverStart, "http://"+d.listen+"/readyz") {
			d.say(introduction, d.listen, d.absolute(""), d.shops.Addr(), pid, d.path(workerLog), pid)
		}
	case <-ctx.Done():
	}
}

const introduction = `
scrapelog demo

  page     http://%s
  data     %s (a second start goes on from here)
  shops    http://%s
  worker   process %d, which logs to %s

  new-arrivals     every 20s   takes about 1 s
  prices           every 30s   takes about 2 s
  full-catalogue   every 45s   takes about 15 s

Try this:

  1. Open the page, and wait until full-catalogue is running: 45 seconds at most.
  2. Kill the worker:  kill -9 %d
  3. Watch the run become connection_failed. The worker is started again after
     ten seconds, and a new scrape starts at once.

Ctrl-C ends everything.

`

// answers polls a URL until it answers 200, and reports whether it did in time.
func answers(ctx context.Context, within time.Duration, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		if resp, err := client.Get(url); err == nil {
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

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.cmd.OutOrStdout(), format, args...) }
