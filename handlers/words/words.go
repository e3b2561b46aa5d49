// Package words is the table of the words that people read for the values of the
// domain: statuses, triggers, links, phases, causes, codes, reasons, observers and
// sources, and a line for each event. Pages, the command line and notices use it, so
// that one thing has one name everywhere.
//
// The functions return plain text and keep what a scraper or a person wrote unchanged.
// The caller escapes it for the place where it is shown.
//
// A value that this version does not know, written by a newer one, is returned as on
// the wire.
package words

import (
	"fmt"

	"scrapelog/domain"
)

// known returns the words for a value, or a value that has none as it is.
func known[T ~string](words map[T]string, value T) string {
	if text, ok := words[value]; ok {
		return text
	}
	return string(value)
}

// Status returns the word on the badge of a run: "Connection failed".
func Status(s domain.RunStatus) string { return known(statusWords, s) }

var statusWords = map[domain.RunStatus]string{
	domain.StatusRunning:          "Running",
	domain.StatusCompleted:        "Completed",
	domain.StatusFailed:           "Failed",
	domain.StatusConnectionFailed: "Connection failed",
	domain.StatusCancelled:        "Cancelled",
}

// Trigger returns the words that follow "started" or "a scrape": "by schedule".
func Trigger(t domain.Trigger) string { return known(triggerWords, t) }

var triggerWords = map[domain.Trigger]string{
	domain.TriggerSchedule: "by schedule",
	domain.TriggerManual:   "by hand",
	domain.TriggerRecovery: "to recover a lost run",
}

// Link returns the words that follow "the connection": "to the scraper".
func Link(l domain.Link) string { return known(linkWords, l) }

var linkWords = map[domain.Link]string{
	domain.LinkScraper: "to the scraper",
	domain.LinkWatcher: "to the watcher",
}

// Phase returns the words that follow "the connection was lost": "while it was being
// opened".
func Phase(p domain.Phase) string { return known(phaseWords, p) }

var phaseWords = map[domain.Phase]string{
	domain.PhaseConnecting: "while it was being opened",
	domain.PhaseStreaming:  "while its stream was open",
}

// Cause returns a sentence, without capital and full stop, that says why a connection
// was lost. "It" in it is the scraper or the run.
func Cause(c domain.Cause) string { return known(causeWords, c) }

var causeWords = map[domain.Cause]string{
	domain.CauseDNS:               "its host name was not found",
	domain.CauseRefused:           "nothing listens at its address",
	domain.CauseUnreachable:       "there was no route to its host",
	domain.CauseConnectTimeout:    "the connection was not answered in time",
	domain.CauseTLS:               "no trusted TLS connection could be made",
	domain.CauseStartTimeout:      "it accepted the connection and did not answer in time",
	domain.CauseBadResponse:       "the answer was not HTTP",
	domain.CauseGateway:           "a gateway in front of it answered that it is unavailable",
	domain.CauseBusy:              "it was still busy with the lost run",
	domain.CauseEOF:               "the stream ended without completed or failed",
	domain.CauseTruncated:         "the stream was cut in the middle of the transfer",
	domain.CauseReset:             "the connection was reset",
	domain.CauseCorrupt:           "the transfer was corrupt",
	domain.CauseIdleTimeout:       "nothing was heard for too long",
	domain.CauseMissedBeats:       "three announced beats in a row did not arrive",
	domain.CauseWatcherGone:       "its watcher disconnected and did not return",
	domain.CauseInstanceLost:      "the scrapelog instance that followed it died",
	domain.CauseInstanceStop:      "the scrapelog instance that followed it was stopped",
	domain.CauseInstanceExhausted: "the scrapelog instance that followed it had no file descriptor or memory left for a connection",
	domain.CauseOther:             "unclassified connection error",
}

// Code returns a sentence, without capital and full stop, that says why a run failed.
func Code(c domain.FailureCode) string { return known(codeWords, c) }

var codeWords = map[domain.FailureCode]string{
	domain.CodeScraperError: "the scraper reported that the scrape failed",
	domain.CodeRejected:     "the scraper answered without a stream",
	domain.CodeProtocol:     "the scraper broke the contract",
	domain.CodeTimeout:      "the run exceeded its max_duration",
}

// Failure is [Code] with the HTTP status of the answer. Rejected without a status
// means that the request was not sent.
func Failure(c domain.FailureCode, httpStatus int) string {
	switch {
	case c == domain.CodeRejected && httpStatus == 0:
		return "the request may not be sent"
	case httpStatus == 0:
		return Code(c)
	}
	return fmt.Sprintf("%s (HTTP %d)", Code(c), httpStatus)
}

// Skip returns a sentence, without capital and full stop, that says why a scrape was
// skipped.
func Skip(r domain.SkipReason) string { return known(skipWords, r) }

var skipWords = map[domain.SkipReason]string{
	domain.SkipRunOpen:          "another run was open",
	domain.SkipConnectionLost:   "the connection was lost, and the recovery run takes its place",
	domain.SkipPaused:           "the scraper was paused",
	domain.SkipRemoved:          "the scraper was removed",
	domain.SkipRecoveryDisabled: "recovery was disabled",
}

// Noticed returns a sentence, without capital and full stop, that says how a
// connection was found to be back.
func Noticed(by domain.NoticedBy) string { return known(noticedWords, by) }

var noticedWords = map[domain.NoticedBy]string{
	domain.NoticedByProbe:    "a probe was answered",
	domain.NoticedByAnnounce: "the scraper announced itself",
	domain.NoticedByWatcher:  "the watcher came back",
}

// Source returns the words that follow "configured by": "the configuration file".
func Source(s domain.Source) string { return known(sourceWords, s) }

var sourceWords = map[domain.Source]string{
	domain.SourceFile: "the configuration file",
	domain.SourceAPI:  "the API",
}

// Role returns what a user or a token of the role may do: "may read".
func Role(r domain.Role) string { return known(roleWords, r) }

var roleWords = map[domain.Role]string{
	domain.RoleView:     "may read",
	domain.RoleOperate:  "may also start, cancel and pause",
	domain.RoleAdmin:    "may do everything",
	domain.RoleAnnounce: "may announce workers",
	domain.RoleMetrics:  "may read metrics",
}
