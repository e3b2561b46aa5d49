package scrape

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/instances"
	"scrapelog/handlers/dial"
	"scrapelog/handlers/egress"
)

// command returns the command that records the end of the exchange, or nil if the run
// has already ended otherwise. The order matters: a terminal event comes before our own
// end, and that before an error of the network.
func (o outcome) command() domain.RunCommand {
	var answer *refusal
	var broken *breach
	var malformed *dial.MalformedError
	var never *unsendable
	var denied *egress.DeniedError
	switch {
	case o.said != nil:
		return o.terminal(*o.said)
	case o.own != nil:
		return o.ownEnd()
	case o.err == nil:
		return o.lost(domain.CauseEOF, `the stream ended without "completed" or "failed"`+o.lastWord())
	case errors.As(o.err, &never):
		return o.failed(domain.CodeRejected, "not sent: "+never.problem)
	case errors.As(o.err, &denied):
		return o.failed(domain.CodeRejected, "not sent: "+denied.Error())
	case errors.As(o.err, &answer):
		return o.refused(answer)
	case errors.As(o.err, &broken), errors.As(o.err, &malformed), errors.Is(o.err, errStreamTooLong):
		return o.failed(domain.CodeProtocol, o.err.Error())
	case errors.Is(o.err, bufio.ErrTooLong):
		return o.failed(domain.CodeProtocol, "an event is longer than 256 KiB")
	}
	return o.lost(o.fault())
}

func (o outcome) terminal(said dial.Terminal) domain.RunCommand {
	switch {
	case said.Broken != "":
		return o.failed(domain.CodeProtocol, said.Broken)
	case said.Completed:
		return domain.ReportCompleted{ToRun: o.toRun(), Items: said.Items, Note: domain.Printable(o.redact.blot(said.Note), domain.MaxNote), MinItems: o.cfg.Expect.MinItems}
	case said.Reason == "":
		return o.failed(domain.CodeScraperError, "the scraper gave no reason")
	}
	return o.failed(domain.CodeScraperError, said.Reason)
}

func (o outcome) ownEnd() domain.RunCommand {
	switch {
	case errors.Is(o.own, errEnded), errors.Is(o.own, instances.ErrMarkedDead):
		return nil
	case errors.Is(o.own, errMaxDuration):
		return o.failed(domain.CodeTimeout, fmt.Sprintf("still running after max_duration %s", o.cfg.MaxDuration))
	case errors.Is(o.own, errNoHeader):
		return o.lost(domain.CauseStartTimeout, fmt.Sprintf("no response header for %s", o.cfg.StartTimeout))
	case errors.Is(o.own, errIdle):
		return o.lost(domain.CauseIdleTimeout, fmt.Sprintf("nothing was heard for %s", o.cfg.IdleTimeout))
	case errors.Is(o.own, errMissedBeats):
		return o.lost(domain.CauseMissedBeats, fmt.Sprintf("%d beats were missed", beatsToLose))
	}
	stopped := o.lost(domain.CauseInstanceStop, "scrapelog was stopped")
	stopped.Phase = "" // the link did not fail
	return stopped
}

// refused returns the command for an answer that is not a stream. A gateway's status is
// not an answer of the scraper; any other status is definite.
func (o outcome) refused(answer *refusal) domain.RunCommand {
	switch {
	case dial.Gateway(answer.status):
		return o.lost(domain.CauseGateway, answer.Error())
	case answer.status == http.StatusConflict && o.run.Trigger == domain.TriggerRecovery:
		return o.lost(domain.CauseBusy, answer.Error()+": the scraper still holds the lost run")
	}
	failed := o.failed(domain.CodeRejected, answer.Error()+o.unauthorized(answer.status))
	failed.HTTPStatus = answer.status
	return failed
}

// unauthorized returns what to check after a 401, in words.
func (o outcome) unauthorized(status int) string {
	switch {
	case status != http.StatusUnauthorized:
		return ""
	case o.cfg.SignEnv != "":
		return fmt.Sprintf(": the scraper does not accept the signature; check that %s holds the same secret as the worker's secret_env, and that both clocks agree", o.cfg.SignEnv)
	}
	return ": the scraper wants credentials; if it verifies signatures (secret_env of a worker), set sign_env, and if it wants a header, headers_env"
}

func (o outcome) failed(code domain.FailureCode, detail string) domain.ReportFailed {
	return domain.ReportFailed{ToRun: o.toRun(), Code: code, Detail: o.redact.clean(detail)}
}

func (o outcome) lost(cause domain.Cause, detail string) domain.ReportConnectionLost {
	return domain.ReportConnectionLost{
		ToRun:       o.toRun(),
		Link:        domain.LinkScraper,
		Phase:       o.phase(),
		Cause:       cause,
		Detail:      o.redact.clean(detail + o.lastBeat()),
		LastHeardAt: o.heardAt,
		LastEvent:   domain.Printable(o.redact.blot(o.lastEvent), domain.MaxLastEvent),
		Received:    o.received,
	}
}

func (o outcome) toRun() domain.ToRun { return domain.ToRun{RunID: o.run.ID} }

func (o outcome) phase() domain.Phase {
	if o.stage == streaming {
		return domain.PhaseStreaming
	}
	return domain.PhaseConnecting
}

// lastBeat returns the age of the last whole event in words if the scraper announced
// beats, or "".
func (o outcome) lastBeat() string {
	switch every := domain.Duration(o.beat); {
	case every == 0:
		return ""
	case o.eventAt.IsZero():
		return fmt.Sprintf("; a beat every %s was announced and no event came", every)
	default:
		age := o.endedAt.Sub(o.eventAt).Round(time.Millisecond)
		return fmt.Sprintf("; a beat every %s was announced and the last event is %s old", every, age)
	}
}

// lastWord returns the name of the last event of a stream without a terminal event, in
// words, with the terminal event that it resembles.
func (o outcome) lastWord() string {
	if o.received.Events == 0 {
		return ""
	}
	name := o.lastEvent
	if name != strings.TrimSpace(name) || name == "" {
		name = strconv.Quote(name)
	}
	said := "; the last event was " + name
	switch meant := strings.ToLower(strings.TrimSpace(o.lastEvent)); meant {
	case "completed", "failed":
		return said + "; the contract's word is " + meant
	case unnamed:
		return said + ", which is an event without a name; the contract's last event has the line event: completed"
	}
	return said
}

// statusText returns a status with the standard's text. The scraper's own reason
// phrase never enters the log.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return fmt.Sprintf("%d", status)
}
