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

// Status returns the word on the badge of a run: "Connection failed".
func Status(s domain.RunStatus) string {
	switch s {
	case domain.StatusRunning:
		return "Running"
	case domain.StatusCompleted:
		return "Completed"
	case domain.StatusFailed:
		return "Failed"
	case domain.StatusConnectionFailed:
		return "Connection failed"
	case domain.StatusCancelled:
		return "Cancelled"
	}
	return string(s)
}

// Trigger returns the words that follow "started" or "a scrape": "by schedule".
func Trigger(t domain.Trigger) string {
	switch t {
	case domain.TriggerSchedule:
		return "by schedule"
	case domain.TriggerManual:
		return "by hand"
	case domain.TriggerRecovery:
		return "to recover a lost run"
	}
	return string(t)
}

// Link returns the words that follow "the connection": "to the scraper".
func Link(l domain.Link) string {
	switch l {
	case domain.LinkScraper:
		return "to the scraper"
	case domain.LinkWatcher:
		return "to the watcher"
	}
	return string(l)
}

// Phase returns the words that follow "the connection was lost": "while it was being
// opened".
func Phase(p domain.Phase) string {
	switch p {
	case domain.PhaseConnecting:
		return "while it was being opened"
	case domain.PhaseStreaming:
		return "while its stream was open"
	}
	return string(p)
}

// Cause returns a sentence, without capital and full stop, that says why a connection
// was lost. "It" in it is the scraper or the run.
func Cause(c domain.Cause) string {
	switch c {
	case domain.CauseDNS:
		return "its host name was not found"
	case domain.CauseRefused:
		return "nothing listens at its address"
	case domain.CauseUnreachable:
		return "there was no route to its host"
	case domain.CauseConnectTimeout:
		return "the connection was not answered in time"
	case domain.CauseTLS:
		return "no trusted TLS connection could be made"
	case domain.CauseStartTimeout:
		return "it accepted the connection and did not answer in time"
	case domain.CauseBadResponse:
		return "the answer was not HTTP"
	case domain.CauseGateway:
		return "a gateway in front of it answered that it is unavailable"
	case domain.CauseBusy:
		return "it was still busy with the lost run"
	case domain.CauseEOF:
		return "the stream ended without completed or failed"
	case domain.CauseTruncated:
		return "the stream was cut in the middle of the transfer"
	case domain.CauseReset:
		return "the connection was reset"
	case domain.CauseCorrupt:
		return "the transfer was corrupt"
	case domain.CauseIdleTimeout:
		return "nothing was heard for too long"
	case domain.CauseMissedBeats:
		return "three announced beats in a row did not arrive"
	case domain.CauseWatcherGone:
		return "its watcher disconnected and did not return"
	case domain.CauseInstanceLost:
		return "the scrapelog instance that followed it died"
	case domain.CauseInstanceStop:
		return "the scrapelog instance that followed it was stopped"
	case domain.CauseInstanceExhausted:
		return "the scrapelog instance that followed it had no file descriptor or memory left for a connection"
	case domain.CauseOther:
		return "unclassified connection error"
	}
	return string(c)
}

// Code returns a sentence, without capital and full stop, that says why a run failed.
func Code(c domain.FailureCode) string {
	switch c {
	case domain.CodeScraperError:
		return "the scraper reported that the scrape failed"
	case domain.CodeRejected:
		return "the scraper answered without a stream"
	case domain.CodeProtocol:
		return "the scraper broke the contract"
	case domain.CodeTimeout:
		return "the run exceeded its max_duration"
	}
	return string(c)
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
func Skip(r domain.SkipReason) string {
	switch r {
	case domain.SkipRunOpen:
		return "another run was open"
	case domain.SkipConnectionLost:
		return "the connection was lost, and the recovery run takes its place"
	case domain.SkipPaused:
		return "the scraper was paused"
	case domain.SkipRemoved:
		return "the scraper was removed"
	case domain.SkipRecoveryDisabled:
		return "recovery was disabled"
	}
	return string(r)
}

// Noticed returns a sentence, without capital and full stop, that says how a
// connection was found to be back.
func Noticed(by domain.NoticedBy) string {
	switch by {
	case domain.NoticedByProbe:
		return "a probe was answered"
	case domain.NoticedByAnnounce:
		return "the scraper announced itself"
	case domain.NoticedByWatcher:
		return "the watcher came back"
	}
	return string(by)
}

// Source returns the words that follow "configured by": "the configuration file".
func Source(s domain.Source) string {
	switch s {
	case domain.SourceFile:
		return "the configuration file"
	case domain.SourceAPI:
		return "the API"
	}
	return string(s)
}
