package contract

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"scrapelog/handlers/dial"
)

// atOnce is how late a header may come.
const atOnce = 2 * time.Second

// Reasons why a rule could not be judged.
const (
	tooShort  = "the scrape was over too soon to see it: give --params that make it last some seconds"
	needsBusy = "it shows only where a second POST is answered 409"
)

// How to fix a finding.
const (
	fixProbe     = "answer HEAD on the scraper's URL, with 200, without starting anything: scrapelog sends HEAD to find out whether the scraper is back"
	fixCache     = "answer HEAD with Cache-Control: no-store, and configure caches in front of the scraper so that they do not answer for it"
	fixBody      = "read the request's body to its end before you answer: recovers is in it, and a server may not notice that its client leaves while a body is unread"
	fixHeader    = "answer every POST with a status and a header within ten seconds, whatever the scrape does"
	fixLate      = "send 200 and the header before the scrape starts, not when it has something to say"
	fixFlush     = "send the header before the scrape starts, and flush it and every event; behind nginx send X-Accel-Buffering: no; print with flush in scripts"
	fixStatus    = "answer 200 with Content-Type: text/event-stream when the scrape starts"
	fixAlready   = "check a scraper that is idle; if it is, its HEAD may have started a scrape, or one never ended"
	fixAllowed   = "send the credentials that the scraper wants, with --header-env NAME=VARIABLE, or sign with its secret, with --sign-env VARIABLE"
	fixRedirect  = "give the URL that it redirects to: scrapelog follows none"
	fixType      = "send Content-Type: text/event-stream"
	fixEncoding  = "send the stream without compression; Content-Encoding may only be identity"
	fixBusy      = "answer 409 while a scrape runs, unless recovers names it: a lost run and its recovery must not scrape at the same time"
	fixRecovers  = "compare the body's recovers with the run_id that you hold; when they are equal, end that scrape and answer 200"
	fixTakeOver  = "end the scrape that recovers names, and close its stream, before the new one starts"
	fixLeaving   = "stop the scrape when a write fails or the connection closes; write a beat regularly so that a write can fail"
	fixBeats     = "send an event, a beat if nothing else, at least as often as X-Scrape-Beat says; send it from the loop that does the work"
	fixNoBeats   = "announce X-Scrape-Beat: 5s and send a beat at least that often"
	fixAnnounced = "write 1s to 60s, such as X-Scrape-Beat: 5s; anything else counts as no announcement"
	fixBlank     = "write an empty line after every event, the last one too"
	fixComment   = "write an empty line after every comment"
	fixField     = `begin every line with "event: ", "data: " or ":", and every line of a longer text with "data: "`
	fixSize      = "send at most 64 KB an event: counts and names, not the pages themselves"
	fixUTF8      = "encode as UTF-8"
	fixJSON      = `make the data one JSON value, such as {} or {"page":1}`
	fixTerminal  = `send {"items":N} with completed and {"error":"…"} with failed, N a whole number and … your reason`
	fixEnding    = `end with exactly one "completed" or "failed", also after an error: a stream that only ends is a lost run`
	fixUnsigned  = "verify webhook-signature before anything else, and answer 401 where it is missing or does not fit"
	fixStale     = "answer 401 to an order whose webhook-timestamp is more than five minutes from now"
	fixReplayed  = "remember each webhook-id for ten minutes, and answer 401 when it comes again"
	fixAfter     = "close the connection right after the terminal event, and send nothing behind it"
)

func (c *check) judgeBody(x *exchange) {
	if x.unread {
		c.report.finding(RuleBody, "the answer came before the body was whole", fixBody)
		return
	}
	c.report.ok(RuleBody, "the answer waits for the whole body")
}

// judgeHeader judges the header and reports whether there is a stream to read.
func (c *check) judgeHeader(x *exchange) bool {
	if seen, fix := refused(x.resp); seen != "" {
		c.report.finding(RuleHeader, seen, fix)
		return false
	}
	late := "the header came " + rounded(x.took).String() + " after the body"
	switch {
	case x.took > atOnce && x.joined:
		c.report.finding(RuleFlush, late+", together with the first event", fixFlush)
	case x.took > atOnce:
		c.report.finding(RuleHeader, late, fixLate)
	}
	c.report.ok(RuleHeader, fmt.Sprintf("200 text/event-stream after %s", rounded(x.took)))
	return true
}

// refused returns why an answer is not a stream and how to fix that, or "".
func refused(resp *http.Response) (seen, fix string) {
	switch status := resp.StatusCode; {
	case status == http.StatusConflict:
		return resp.Status + " to the only POST", fixAlready
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return resp.Status, fixAllowed
	case status/100 == 3:
		return resp.Status, fixRedirect
	case status != http.StatusOK:
		return resp.Status, fixStatus
	case dial.ContentEncoding(resp.Header) != "":
		return "Content-Encoding: " + dial.ContentEncoding(resp.Header), fixEncoding
	case !dial.EventStream(resp.Header):
		return "Content-Type: " + resp.Header.Get("Content-Type"), fixType
	}
	return "", ""
}

// judgeLeaving compares the time until the scraper was free again with the duration of
// a whole scrape: a scrape that was about to end by itself proves nothing.
func (c *check) judgeLeaving(whole time.Duration) {
	free := c.left.at + c.left.gone
	switch {
	case !c.left.ran:
		c.report.unseen(RuleLeaving, tooShort)
	case c.report[RuleBusy].Result != OK:
		c.report.unseen(RuleLeaving, needsBusy)
	case whole < free+max(lag, free/2):
		c.report.unseen(RuleLeaving, fmt.Sprintf("free again %s after the client left, when a scrape of %s is about to end by itself: give --params that make it last longer",
			rounded(c.left.gone), rounded(whole)))
	default:
		c.report.ok(RuleLeaving, fmt.Sprintf("free again %s after the client left; a whole scrape took %s", rounded(c.left.gone), rounded(whole)))
	}
}

// judgeSeen records the flaws of streams that were left or taken over.
func (c *check) judgeSeen(left ...*exchange) {
	for _, x := range left {
		<-x.over
		c.judgeFlaws(x)
	}
}

func (c *check) judgeFlaws(x *exchange) {
	for rule, f := range x.flaws {
		c.report.finding(rule, f.seen, f.fix)
	}
}

// judgeStream judges the stream that was followed to its end.
func (c *check) judgeStream(x *exchange) {
	c.judgeFlaws(x)
	c.judgeEnding(x)
	c.judgeBeats(x)
	c.report.ok(RuleFlush, "nothing was held back")
	if x.events == 0 {
		c.report.unseen(RuleBlank, "there was no event")
		c.report.unseen(RuleData, "there was no event")
		return
	}
	c.report.ok(RuleBlank, fmt.Sprintf("%d events, each with its blank line", x.events))
	c.report.ok(RuleData, "JSON in UTF-8, at most 64 KB each")
}

func (c *check) judgeEnding(x *exchange) {
	kind, unfinished := x.unfinished()
	silent := errors.Is(x.end, os.ErrDeadlineExceeded)
	switch {
	case len(x.terminals) > 1:
		c.report.finding(RuleEnding, fmt.Sprintf("%s is followed by %q", x.terminals[0], x.terminals[1]), fixAfter)
	case len(x.terminals) == 1 && silent:
		c.report.finding(RuleEnding, fmt.Sprintf("the connection is open %s after %s", closing, x.terminals[0]), fixAfter)
	case len(x.terminals) == 1:
		c.report.ok(RuleEnding, fmt.Sprintf("%s after %s, then the end", x.terminals[0], since(x.began, x.endedAt)))
	case silent:
		c.report.unseen(RuleEnding, "the stream fell silent before")
	case errors.Is(x.end, errTooLong):
		c.report.unseen(RuleEnding, "an event was too long to read on")
	case unfinished:
		c.report.finding(RuleBlank, fmt.Sprintf("the last event, %q, has no blank line: it was never sent", kind), fixBlank)
		c.report.unseen(RuleEnding, "the last event was never sent")
	case errors.Is(x.end, io.EOF):
		c.report.finding(RuleEnding, "the stream ended without completed or failed"+x.lastWord(), fixEnding)
	default:
		c.report.finding(RuleEnding, fmt.Sprintf("the stream was cut (%v)%s", x.end, x.lastWord()), fixEnding)
	}
}

func (t *transcript) lastWord() string {
	if t.events == 0 {
		return "; nothing came before that"
	}
	return fmt.Sprintf("; the last event was %q", t.last)
}

func (c *check) judgeBeats(x *exchange) {
	announced := x.resp.Header.Get("X-Scrape-Beat")
	silent := errors.Is(x.end, os.ErrDeadlineExceeded) && len(x.terminals) == 0
	gap := rounded(x.gap)
	switch {
	case announced != "" && x.beat == 0:
		c.report.finding(RuleBeats, fmt.Sprintf("X-Scrape-Beat: %q", announced), fixAnnounced)
	case x.beat > 0 && x.gap > 2*x.beat:
		c.report.finding(RuleBeats, fmt.Sprintf("%s was announced, and no event came for %s", x.beat, gap), fixBeats)
	case x.beat > 0:
		c.report.ok(RuleBeats, fmt.Sprintf("%s was announced; the longest silence was %s", x.beat, gap))
	case silent:
		c.report.finding(RuleBeats, fmt.Sprintf("nothing came for %s", gap), fixNoBeats)
	default:
		c.report.ok(RuleBeats, "none announced: any byte within 45s keeps a run alive")
	}
}
