package scrape

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// Why we ended a stream ourselves: the causes of a run's context.
var (
	errMaxDuration = errors.New("the run is past its max_duration")
	errNoHeader    = errors.New("no response header in time")
	errIdle        = errors.New("nothing was heard")
	errMissedBeats = errors.New("announced beats did not come")
	errStopped     = errors.New("this instance is stopping")
	errEnded       = errors.New("the run has ended otherwise")
)

// stage is how far the exchange with a scraper has come.
type stage int

const (
	dialing   stage = iota // no connection yet
	asking                 // connected, no response header yet
	streaming              // the response is an event stream
)

// outcome is everything that is known about a run's exchange with its scraper.
type outcome struct {
	run     domain.Run
	cfg     dial.Target
	stage   stage
	redact  redactor
	endedAt time.Time

	said *dial.Terminal // the scraper's last word, if it was heard
	own  error          // why we ended it ourselves, if we did
	err  error          // what it broke on; nil is a clean end, which is no success

	received  domain.Received
	heardAt   time.Time     // of the last byte
	eventAt   time.Time     // of the last whole event
	lastEvent string        // its name
	beat      time.Duration // how often the scraper announced to send one; 0: it did not
}

// follow POSTs a run and reads its stream to the end, whatever the end is. ctx
// and end belong together: end cancels ctx with a cause. opened is called when
// there is a connection. alive is called with the time of each sign of life:
// bytes, or whole events once beats are announced.
func follow(ctx context.Context, end context.CancelCauseFunc, run domain.Run, cfg dial.Target, opened func(), alive func(time.Time)) outcome {
	o := outcome{run: run, cfg: cfg}
	longest := time.AfterFunc(cfg.MaxDuration.Std(), func() { end(errMaxDuration) })
	defer longest.Stop()
	o.said, o.err = o.converse(ctx, end, opened, alive)
	o.own, o.endedAt = context.Cause(ctx), time.Now()
	return o
}

func (o *outcome) converse(ctx context.Context, end context.CancelCauseFunc, opened func(), alive func(time.Time)) (*dial.Terminal, error) {
	req, err := newRequest(ctx, o.run, o.cfg)
	if err != nil {
		return nil, err
	}
	o.redact = newRedactor(req, o.cfg.HeadersEnv)
	resp, err := o.ask(req, end, opened)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	o.heardAt = time.Now()
	if err := acceptable(resp); err != nil {
		return nil, err
	}
	o.stage, o.beat = streaming, dial.Beat(resp.Header)
	alive(o.heardAt)
	return o.listen(resp.Body, end, alive)
}

// ask sends the request and waits for the header, no longer than start_timeout
// from the connection on: a scraper that does not even read is late as well.
func (o *outcome) ask(req *http.Request, end context.CancelCauseFunc, opened func()) (resp *http.Response, err error) {
	quiet := newSilence(o.cfg.StartTimeout.Std(), func() { end(errNoHeader) })
	defer quiet.stop()
	connected := func(waiting func() bool) {
		o.stage, quiet.waiting = asking, waiting
		quiet.arm()
		opened()
	}
	aside(func() { resp, err = dial.Exchange(req, o.cfg, connected) })
	return resp, err
}

// refusal is an HTTP answer that is no stream.
type refusal struct {
	status int
	target string // where a redirect points, as far as that may be told
}

func (e *refusal) Error() string {
	if e.target != "" {
		return "the answer was " + statusText(e.status) + ", a redirect to " + e.target
	}
	return "the answer was " + statusText(e.status)
}

// breach is a stream that is not what was agreed.
type breach struct{ problem string }

func (e *breach) Error() string { return e.problem }

// acceptable says why a response cannot be read as an event stream.
func acceptable(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &refusal{resp.StatusCode, redirectTarget(resp)}
	}
	if encoding := dial.ContentEncoding(resp.Header); encoding != "" {
		return &breach{"the stream has the content encoding " + encoding}
	}
	given := resp.Header.Get("Content-Type")
	if given == "" {
		return &breach{"the answer has no content type; it must be text/event-stream"}
	}
	if media, _, _ := mime.ParseMediaType(given); media != "text/event-stream" {
		return &breach{"the content type is " + given + ", not text/event-stream"}
	}
	return nil
}

// redirectTarget is the absolute Location of a redirect without credentials, query
// and fragment, which may be secret. It is empty where there is none to tell.
func redirectTarget(resp *http.Response) string {
	if resp.StatusCode/100 != 3 {
		return ""
	}
	target, err := resp.Location()
	if err != nil || target.Opaque != "" || target.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path, RawPath: target.RawPath}).String()
}
