package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"golang.org/x/sync/errgroup"

	"scrapelog/handlers/egress"
	"scrapelog/handlers/gate"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/sign"
)

// bodyLimit is the most that a request may carry.
const bodyLimit = "1MiB"

// errGone says that the client has left: it cannot be written to.
var errGone = errors.New("the client has left")

// job is one kind of scrape. Run works on the goroutine of the request and says
// what it does through out. It returns how many items there were, or why not:
// when ctx has ended that is context.Cause, and nothing of it may be left then.
type job interface {
	run(ctx context.Context, order Order, out *stream) (items int64, err error)
}

// Worker answers the requests of a scraper's contract.
type Worker struct {
	cfg   Config
	log   *slog.Logger
	jobs  map[string]job
	slots slots
	at    netip.AddrPort // where Serve listens
	rules egress.Rules

	signatures sign.Verifier
	unsigned   complaints
}

// New makes a worker. It refuses an invalid configuration, secrets that cannot be read,
// and an address that other machines reach unless orders are signed or
// ListenWithoutSecret is set.
func New(cfg Config, log *slog.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.checkReach(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	rules, err := cfg.Egress.Rules()
	if err != nil {
		return nil, err
	}
	w := &Worker{cfg: cfg, log: log, jobs: map[string]job{}, rules: rules, signatures: sign.Verifier{Variable: cfg.SecretEnv}}
	for _, s := range cfg.Scrapes {
		if s.HTML != nil {
			w.jobs[s.Name] = s.HTML
		} else {
			warnOfUnset(log, s)
			w.jobs[s.Name] = command{argv: s.Command, env: s.Env, log: log.With("scraper", s.Name)}
		}
	}
	return w, nil
}

// warnOfUnset does not repeat what env holds: it may be a secret by mistake.
func warnOfUnset(log *slog.Logger, s Scrape) {
	for i, name := range s.Env {
		if _, set := os.LookupEnv(name); !set {
			log.Warn("env names a variable that is not set", "scraper", s.Name, "entry", i+1)
		}
	}
}

// Handler is the worker's route table. A page in a browser, under any name that it
// has found this address, may start nothing here.
func (w *Worker) Handler() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = w.refuse
	e.Use(
		gate.Bodies(gate.BodyTimeout),
		gate.Headers,
		gate.Hosts(append([]string{w.cfg.Listen}, w.cfg.Hosts...)),
		gate.SameOrigin(http.NewCrossOriginProtection()),
		middleware.BodyLimit(bodyLimit),
	)
	e.POST("/scrapes/:name", w.scrape, gate.JSON)
	e.HEAD("/scrapes/:name", w.probe)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	return e
}

// refuse answers with a problem document. Its type is blank, since the worker
// serves no description that it could refer to.
func (w *Worker) refuse(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	d := *problem.Of(err)
	d.Type = "about:blank"
	if err := problem.Write(c.Response(), c.Request(), &d); err != nil {
		w.log.Debug("refusal not sent", "error", err)
	}
}

// Listen opens the configured address. A server that sees it open may start a scrape,
// so it first ends what a worker that was killed has left of one.
func (w *Worker) Listen(ctx context.Context) (net.Listener, error) {
	if killed := killForsaken(); killed > 0 {
		w.log.Warn("killed processes of an earlier worker's scrapes", "processes", killed)
	}
	return gate.Listen(ctx, w.cfg.Listen)
}

// stopGrace is how long Serve waits for scrapes to be gone; ending a command
// takes killGrace at most.
const stopGrace = 10 * time.Second

// Serve answers requests on ln until ctx ends; it then stops every scrape and
// cuts its stream. While it serves, it announces itself.
func (w *Worker) Serve(ctx context.Context, ln net.Listener) error {
	w.at = gate.Address(ln)
	scrapes, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(errStopping)
	server := gate.NewServer(w.Handler(), w.log)
	server.BaseContext = func(net.Listener) context.Context { return scrapes }
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error { return w.announce(ctx) })
	g.Go(func() error { return reapOrphans(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		stop(errStopping)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
		defer cancel()
		return server.Shutdown(last)
	})
	return g.Wait()
}

// egress returns the rules for what the worker connects to. A crawl is no way to the
// worker itself.
func (w *Worker) egress() egress.Rules {
	rules := w.rules
	rules.Own = w.at
	return rules
}

func (w *Worker) probe(c echo.Context) error {
	if _, known := w.jobs[c.Param("name")]; !known {
		return echo.ErrNotFound
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store") // a cache's answer would hide that the worker is gone
	return c.NoContent(http.StatusOK)
}

// scrape is the whole contract, from the POST to the terminal event.
func (w *Worker) scrape(c echo.Context) error {
	text, err := readWhole(c.Request().Body)
	if err != nil {
		return err
	}
	if err := w.authenticate(c.Request().Header, text); err != nil {
		return err
	}
	name := c.Param("name")
	job, known := w.jobs[name]
	if !known {
		return problem.New(problem.NotFound, fmt.Sprintf("there is no scrape %q here", name))
	}
	order, err := parseOrder(text)
	if err != nil {
		return err
	}
	order.egress = w.egress()
	held, err := w.slots.take(c.Request().Context(), name, order)
	if err != nil {
		return problem.New(problem.Conflict, err.Error())
	}
	defer w.slots.release(name, held)
	log := w.log.With("scraper", name, "run", order.RunID)
	if !w.follow(c, job, order, held, log) {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// follow reports whether the stream was brought to its end.
func (w *Worker) follow(c echo.Context, job job, order Order, held *slot, log *slog.Logger) bool {
	started := time.Now()
	out, err := openStream(c.Response(), w.cfg.Beat.Std())
	if err != nil {
		log.Warn("scrape not started", "error", err)
		return false
	}
	defer out.close()
	log.Info("scrape started", "recovers", order.Recovers)
	var items int64
	if err = beatUntil(held.ctx, out, held.ready()); err == nil {
		items, err = job.run(held.ctx, order, out)
	}
	if held.ctx.Err() != nil {
		err = why(held.ctx)
	} else {
		w.slots.release(c.Param("name"), held) // a client that hears the end may ask for the next run at once
		err = out.end(items, err)
	}
	report(log, time.Since(started).Round(time.Millisecond), items, out.note, err)
	return !stopped(err)
}

func report(log *slog.Logger, took time.Duration, items int64, note string, err error) {
	switch {
	case err == nil:
		if note != "" {
			log = log.With("note", note)
		}
		log.Info("scrape completed", "took", took, "items", items)
	case stopped(err):
		log.Warn("scrape stopped", "took", took, "error", err)
	default:
		log.Warn("scrape failed", "took", took, "error", err)
	}
}

// stopped tells a scrape that was not allowed to end from one that failed.
func stopped(err error) bool {
	return errors.Is(err, errGone) || errors.Is(err, errTakenOver) || errors.Is(err, errStopping)
}

// why tells our own reasons from net/http's, which cancels without one.
func why(ctx context.Context) error {
	if cause := context.Cause(ctx); stopped(cause) {
		return cause
	}
	return errGone
}
