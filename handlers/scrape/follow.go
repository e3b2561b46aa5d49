package scrape

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"scrapelog/domain"
	"scrapelog/handlers/dial"
)

// Reasons for which this process ends a stream: the causes of a run's context.
var (
	errMaxDuration = errors.New("the run is past its max_duration")
	errNoHeader    = errors.New("no response header in time")
	errIdle        = errors.New("nothing was heard")
	errMissedBeats = errors.New("announced beats did not come")
	errStopped     = errors.New("this instance is stopping")
	errEnded       = errors.New("the run has ended otherwise")
)

// stage is the state of an exchange with a scraper.
type stage int

const (
	dialing   stage = iota // no connection yet
	asking                 // connected, no response header yet
	streaming              // the response is an event stream
)

// outcome is what is known about a run's exchange with its scraper.
type outcome struct {
	run                        domain.Run
	cfg                        dial.Target
	stage                      stage
	redact                     redactor
	beganAt, streamAt, endedAt time.Time // of the exchange, of its stream, of both

	said *dial.Terminal // the terminal event, if one came
	own  error          // why this process ended it, if it did
	err  error          // the error it ended with; nil is a clean end, which is not success

	received  domain.Received
	heardAt   time.Time     // of the last byte
	eventAt   time.Time     // of the last whole event
	lastEvent string        // its name
	beat      time.Duration // the announced interval of events; 0: none
}

// follow POSTs a run and reads its stream to the end. end cancels ctx with a cause.
// follow calls opened when the connection is open, and alive with the time of each sign
// of life: any byte, or a whole event if beats were announced.
func follow(ctx context.Context, end context.CancelCauseFunc, run domain.Run, cfg dial.Target, opened func(), alive func(time.Time)) outcome {
	o := outcome{run: run, cfg: cfg, beganAt: time.Now()}
	longest := time.AfterFunc(cfg.MaxDuration.Std(), func() { end(errMaxDuration) })
	defer longest.Stop()
	o.said, o.err = o.converse(ctx, end, opened, alive)
	o.own, o.endedAt = context.Cause(ctx), time.Now()
	return o
}

// trace tells tell of the phases of the exchange. end is the command that records its
// end.
func (o outcome) trace(tell func(run domain.Run, phase domain.Phase, from, to time.Time, end domain.RunCommand), end domain.RunCommand) {
	switch {
	case o.beganAt.IsZero():
	case o.streamAt.IsZero():
		tell(o.run, domain.PhaseConnecting, o.beganAt, o.endedAt, end)
	default:
		tell(o.run, domain.PhaseConnecting, o.beganAt, o.streamAt, nil)
		tell(o.run, domain.PhaseStreaming, o.streamAt, o.endedAt, end)
	}
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
	o.stage, o.beat, o.streamAt = streaming, dial.Beat(resp.Header), o.heardAt
	alive(o.heardAt)
	return o.listen(resp.Body, end, alive)
}

// ask sends the request and waits for the header, at most start_timeout after the
// connection was opened. The time for sending counts.
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

// refusal is an HTTP answer that is not a stream.
type refusal struct {
	status int
	target string // of a redirect, without its secret parts; see redirectTarget
}

func (e *refusal) Error() string {
	if e.target != "" {
		return "the answer was " + statusText(e.status) + ", a redirect to " + e.target
	}
	return "the answer was " + statusText(e.status)
}

// breach is a stream that breaks the contract.
type breach struct{ problem string }

func (e *breach) Error() string { return e.problem }

// acceptable returns why a response cannot be read as an event stream, or nil.
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
	if !dial.EventStream(resp.Header) {
		return &breach{"the content type is " + given + ", not text/event-stream"}
	}
	return nil
}

// redirectTarget returns the absolute Location of a redirect without credentials, query
// and fragment, which may be secret, or "" if there is none.
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
