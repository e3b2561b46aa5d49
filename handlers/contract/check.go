package contract

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// Target is the scraper to check, with the orders that the check sends.
type Target struct {
	URL        string
	Scraper    string            // the name in the orders; empty: "contract-check"
	Platforms  []string          // of each order
	Params     json.RawMessage   // of each order; a JSON object
	HeadersEnv map[string]string // as in a scraper's configuration
	SignEnv    string            // likewise; empty: orders are not signed
}

func (t Target) config() dial.Target {
	cfg := domain.DefaultScraperConfig()
	cfg.Name, cfg.URL, cfg.HeadersEnv, cfg.SignEnv = t.Scraper, t.URL, t.HeadersEnv, t.SignEnv
	return dial.Target{ScraperConfig: cfg}
}

// Check orders real scrapes and judges what the scraper does. It follows one scrape to
// its end, for as long as that takes, and starts and leaves up to three more. If t has a
// secret it then sends three orders that must be refused. It returns a verdict for every
// rule, also with an error. The error is the cause of ctx, an
// ErrUnreachable, or a domain.ErrInvalid about the target.
func Check(ctx context.Context, t Target) ([]Verdict, error) {
	if t.Scraper == "" {
		t.Scraper = "contract-check"
	}
	c := &check{target: t, report: report{}}
	err := c.noHeader(ctx, c.run(ctx))
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	asked := rules
	if t.SignEnv != "" {
		asked = slices.Concat(rules, signedRules)
	}
	return c.report.verdicts(asked), err
}

// check is one check of a scraper.
type check struct {
	target Target
	report report
	left   departure
}

// departure is what the check observed after it left a running scrape.
type departure struct {
	ran  bool          // a scrape ran when the check left
	at   time.Duration // from the start of the scrape
	gone time.Duration // until the scraper was free again
}

const (
	// stopWithin is how long a scraper without an announced beat may take to stop.
	stopWithin = 15 * time.Second
	// stopAtLeast is how long a scraper may take to stop, however short its beat is.
	stopAtLeast = 5 * time.Second
	// stopAtMost is how much longer the check waits for a scrape that did not stop,
	// so that it can judge the remaining rules.
	stopAtMost = 30 * time.Second
	askAgain   = 250 * time.Millisecond
	// lag is how long after the answer to a later POST the end of a stream may arrive.
	lag = 200 * time.Millisecond
)

// run orders a first scrape, a second one beside it, a third one that recovers the
// first and is left, and a fourth one that it follows to its end.
func (c *check) run(ctx context.Context) error {
	if err := c.target.config().Validate(); err != nil {
		return err
	}
	if err := c.probe(ctx); err != nil {
		return err
	}
	first, err := c.ask(ctx, uuid.Nil, true)
	if err != nil {
		if errors.Is(err, ErrUnreachable) {
			c.report = report{} // there is nothing to judge
		}
		return err
	}
	defer first.leave()
	c.judgeBody(first)
	if !c.judgeHeader(first) {
		return nil
	}
	go first.read(first.conn, first.resp.Body)
	if err := c.second(ctx, first); err != nil {
		return err
	}
	held, err := c.takeOver(ctx, first)
	if err != nil {
		return err
	}
	last, err := c.leaveAndReturn(ctx, first, held)
	if err != nil || last == nil {
		return err
	}
	defer last.leave()
	if !c.judgeHeader(last) {
		return nil
	}
	if last.read(last.conn, last.resp.Body); ctx.Err() != nil {
		return ctx.Err()
	}
	c.judgeLeaving(last.lasted())
	c.judgeStream(last)
	c.probeAgain(ctx)
	if c.target.SignEnv != "" {
		return c.signatures(ctx, last)
	}
	return nil
}

func (c *check) ask(ctx context.Context, recovers uuid.UUID, hold bool) (*exchange, error) {
	o := dial.Order{
		RunID: uuid.Must(uuid.NewV7()), Scraper: c.target.Scraper, Recovers: recovers,
		Platforms: c.target.Platforms, Params: c.target.Params,
	}
	return c.target.ask(ctx, o, hold)
}

// noHeader turns the error of a missing answer into a finding.
func (c *check) noHeader(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, ErrUnreachable) || errors.Is(err, domain.ErrInvalid) {
		return err
	}
	c.report.finding(RuleHeader, err.Error(), fixHeader)
	return nil
}

func (c *check) probe(ctx context.Context) error {
	back, answered, err := dial.Probe(ctx, c.target.config())
	var cached *dial.CachedError
	var malformed *dial.MalformedError
	switch {
	case errors.Is(err, domain.ErrInvalid), ctx.Err() != nil:
		return err
	case errors.As(err, &cached):
		c.answeredByCache(cached)
	case errors.As(err, &malformed):
		c.report.finding(RuleProbe, "HEAD got no proper HTTP: "+malformed.Problem, fixProbe)
	case !answered:
		c.report.finding(RuleProbe, "HEAD got no answer", fixProbe)
	case !back:
		c.report.finding(RuleProbe, "HEAD got a gateway's answer: scrapelog would never find the scraper back", fixProbe)
	default:
		c.report.ok(RuleProbe, "HEAD is answered")
	}
	return nil
}

// probeAgain finds a cache on the way that stored the answer to the first probe.
func (c *check) probeAgain(ctx context.Context) {
	_, _, err := dial.Probe(ctx, c.target.config())
	if cached := (*dial.CachedError)(nil); errors.As(err, &cached) {
		c.answeredByCache(cached)
	}
}

func (c *check) answeredByCache(err *dial.CachedError) {
	c.report.finding(RuleProbe, "HEAD was "+err.Error()+": scrapelog would find a dead scraper back", fixCache)
}

// second orders a scrape beside the first.
func (c *check) second(ctx context.Context, first *exchange) error {
	x, err := c.ask(ctx, uuid.Nil, false)
	if err != nil {
		return err
	}
	defer x.leave()
	switch {
	case x.resp.StatusCode == http.StatusConflict:
		c.report.ok(RuleBusy, "409 Conflict")
	case waits(ctx, first.over, lag):
		c.report.unseen(RuleBusy, tooShort)
	default:
		c.report.finding(RuleBusy, "the second POST was answered "+x.resp.Status, fixBusy)
	}
	return nil
}

// takeOver orders a scrape that recovers the first one. It returns the exchange of the
// scrape that runs afterwards.
func (c *check) takeOver(ctx context.Context, first *exchange) (*exchange, error) {
	x, err := c.ask(ctx, first.run, false)
	if err != nil {
		return nil, err
	}
	if x.resp.StatusCode != http.StatusOK {
		x.leave()
		if waits(ctx, first.over, lag) {
			c.report.unseen(RuleRecovers, tooShort)
		} else {
			c.report.finding(RuleRecovers, "a POST whose recovers names the held run was answered "+x.resp.Status, fixRecovers)
		}
		return first, nil
	}
	go x.read(x.conn, x.resp.Body)
	switch {
	case !waits(ctx, first.over, stopWithin) && ctx.Err() != nil:
		return x, ctx.Err()
	case !first.isOver():
		c.report.finding(RuleRecovers, "200 OK, but the held run goes on beside it", fixTakeOver)
	case c.report[RuleBusy].Result == Finding:
		c.report.unseen(RuleRecovers, needsBusy)
	case first.said("completed"):
		c.report.unseen(RuleRecovers, tooShort)
	default:
		c.report.ok(RuleRecovers, "200 OK, and the held run has ended")
	}
	return x, nil
}

// leaveAndReturn leaves the running scrapes and orders another until the scraper is
// free again. It returns no exchange and no error if the scraper never was.
func (c *check) leaveAndReturn(ctx context.Context, first, held *exchange) (*exchange, error) {
	ran := !held.isOver()
	left, allowed := time.Now(), held.mayTakeToStop()
	first.leave()
	held.leave()
	for {
		x, err := c.ask(ctx, uuid.Nil, false)
		if err != nil {
			return nil, err
		}
		gone := time.Since(left)
		if x.resp.StatusCode != http.StatusConflict {
			c.left = departure{ran: ran, at: left.Sub(held.began), gone: gone}
			c.judgeSeen(first, held)
			return x, nil
		}
		x.leave()
		if gone > allowed {
			c.report.finding(RuleLeaving, "409 still, "+rounded(gone).String()+" after the client left", fixLeaving)
		}
		if gone > allowed+stopAtMost {
			c.judgeSeen(first, held)
			return nil, nil
		}
		waits(ctx, nil, askAgain)
	}
}

// mayTakeToStop returns how long the scraper may take to notice that its client left.
func (x *exchange) mayTakeToStop() time.Duration {
	if x.beat == 0 {
		return stopWithin
	}
	return max(beatsToLose*x.beat, stopAtLeast)
}

// waits reports whether done was closed within the time. If done is nil it only waits.
func waits(ctx context.Context, done <-chan struct{}, within time.Duration) bool {
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-done:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}
