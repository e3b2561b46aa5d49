package domain

import (
	"fmt"
	"slices"
)

// RunStatus is the state of a run.
type RunStatus string

const (
	// StatusRunning: the run was started and has not ended. Not final.
	StatusRunning RunStatus = "running"
	// StatusCompleted: the scraper said "completed". Nothing else is success, not
	// even a clean end of the stream. Final.
	StatusCompleted RunStatus = "completed"
	// StatusFailed: the scraper said "failed", refused the request, broke the
	// contract or ran past max_duration. Final.
	StatusFailed RunStatus = "failed"
	// StatusConnectionFailed: the link dropped, could not be opened or fell silent
	// before the run had ended. Final.
	StatusConnectionFailed RunStatus = "connection_failed"
	// StatusCancelled: a person or the API asked for it. Final.
	StatusCancelled RunStatus = "cancelled"
)

// Statuses lists every status in the order in which people read them.
var Statuses = [...]RunStatus{StatusRunning, StatusCompleted, StatusFailed, StatusConnectionFailed, StatusCancelled}

// Valid reports whether s is one of the five statuses.
func (s RunStatus) Valid() bool {
	for _, known := range Statuses {
		if s == known {
			return true
		}
	}
	return false
}

// Check returns a *FieldError for a field that holds s, unless s is a status.
func (s RunStatus) Check(field string) error {
	if s.Valid() {
		return nil
	}
	return &FieldError{field, fmt.Sprintf("%.40q is not a status", s), "use running, completed, failed, connection_failed or cancelled"}
}

// Final reports whether a run with this status has ended.
func (s RunStatus) Final() bool { return s != "" && s != StatusRunning }

// Trigger is why a run was started.
type Trigger string

// The triggers.
const (
	TriggerSchedule Trigger = "schedule" // a slot came due
	TriggerManual   Trigger = "manual"   // a person or the API asked
	TriggerRecovery Trigger = "recovery" // a lost connection came back
)

// Triggers lists every trigger.
var Triggers = [...]Trigger{TriggerSchedule, TriggerManual, TriggerRecovery}

// Check returns a *FieldError for a field that holds t, unless t is a trigger.
func (t Trigger) Check(field string) error {
	if slices.Contains(Triggers[:], t) {
		return nil
	}
	return &FieldError{field, fmt.Sprintf("%.40q is not a trigger", t), "use schedule, manual or recovery"}
}

// Link is an SSE connection that a run lives on.
type Link string

// The links.
const (
	LinkScraper Link = "scraper" // scrapelog reads the scraper's stream
	LinkWatcher Link = "watcher" // a client follows an attached run
)

// Phase is how far a scraper link had come when it was lost.
type Phase string

// The phases. Losses of a watcher or of an instance have none.
const (
	PhaseConnecting Phase = "connecting" // before the response header
	PhaseStreaming  Phase = "streaming"  // after it
)

// Cause is the reason for a lost connection as the instance saw it. It is a hint
// for people; the status never depends on it.
type Cause string

// The causes.
const (
	CauseDNS               Cause = "dns"                // the name did not resolve
	CauseRefused           Cause = "refused"            // nothing listens at the address
	CauseUnreachable       Cause = "unreachable"        // no route to the host
	CauseConnectTimeout    Cause = "connect_timeout"    // the handshake went unanswered
	CauseTLS               Cause = "tls"                // no trusted TLS session
	CauseStartTimeout      Cause = "start_timeout"      // no response header in time
	CauseBadResponse       Cause = "bad_response"       // the answer was not HTTP
	CauseGateway           Cause = "gateway"            // 408, 502, 503, 504 or 520–530
	CauseBusy              Cause = "busy"               // 409 to a recovery run: the scraper still holds the lost one
	CauseEOF               Cause = "eof"                // a clean end without completed or failed
	CauseTruncated         Cause = "truncated"          // cut inside the transfer
	CauseReset             Cause = "reset"              // connection reset by the other side
	CauseCorrupt           Cause = "corrupt"            // the transfer's framing broke
	CauseIdleTimeout       Cause = "idle_timeout"       // nothing was heard for idle_timeout
	CauseMissedBeats       Cause = "missed_beats"       // three announced beats in a row did not arrive
	CauseWatcherGone       Cause = "watcher_gone"       // the watcher stayed away past watcher_grace
	CauseInstanceLost      Cause = "instance_lost"      // the scrapelog instance died
	CauseInstanceStop      Cause = "instance_stopped"   // the scrapelog instance was stopped
	CauseInstanceExhausted Cause = "instance_exhausted" // the scrapelog instance had no descriptor or memory left for a connection
	CauseOther             Cause = "other"              // unclassified connection error
)

// Causes lists every cause.
var Causes = [...]Cause{
	CauseDNS, CauseRefused, CauseUnreachable, CauseConnectTimeout, CauseTLS, CauseStartTimeout, CauseBadResponse,
	CauseGateway, CauseBusy, CauseEOF, CauseTruncated, CauseReset, CauseCorrupt, CauseIdleTimeout, CauseMissedBeats,
	CauseWatcherGone, CauseInstanceLost, CauseInstanceStop, CauseInstanceExhausted, CauseOther,
}

// Link returns the connection whose loss has this cause.
func (c Cause) Link() Link {
	if c == CauseWatcherGone {
		return LinkWatcher
	}
	return LinkScraper
}

// FailureCode is why a run failed although the connection held.
type FailureCode string

// The failure codes.
const (
	CodeScraperError FailureCode = "scraper_error" // it said "failed"
	CodeRejected     FailureCode = "rejected"      // it answered without a stream, or the request may not be sent
	CodeProtocol     FailureCode = "protocol"      // it broke the contract
	CodeTimeout      FailureCode = "timeout"       // it ran past max_duration
)

// SkipReason is why a due scrape was not run.
type SkipReason string

// The reasons.
const (
	SkipRunOpen          SkipReason = "run_open"          // another run is open
	SkipConnectionLost   SkipReason = "connection_lost"   // the recovery run takes its place
	SkipPaused           SkipReason = "paused"            // the scraper is paused
	SkipRemoved          SkipReason = "removed"           // the scraper was removed
	SkipRecoveryDisabled SkipReason = "recovery_disabled" // recovery.enabled is false
)

// SkipReasons lists every reason.
var SkipReasons = [...]SkipReason{SkipRunOpen, SkipConnectionLost, SkipPaused, SkipRemoved, SkipRecoveryDisabled}

// NoticedBy is how a connection was found to be back.
type NoticedBy string

// The observers.
const (
	NoticedByProbe    NoticedBy = "probe"    // a probe was answered
	NoticedByAnnounce NoticedBy = "announce" // the worker announced itself
	NoticedByWatcher  NoticedBy = "watcher"  // the watcher came back
)

// Source is where a scraper's configuration is managed.
type Source string

// The sources. A scraper of the file cannot be changed through the API.
const (
	SourceFile Source = "file" // the configuration file
	SourceAPI  Source = "api"  // the HTTP API
)

// Role is what a user or a token may do. Each of view, operate and admin may do what
// the one before it may.
type Role string

// The roles.
const (
	RoleView     Role = "view"     // reads
	RoleOperate  Role = "operate"  // starts, cancels, pauses, resumes, verifies
	RoleAdmin    Role = "admin"    // sets scrapers, users and tokens
	RoleAnnounce Role = "announce" // of tokens only: says that a worker is up
	RoleMetrics  Role = "metrics"  // of tokens only: reads metrics and readiness
)

// UserRoles lists the roles of users, from the least.
var UserRoles = [...]Role{RoleView, RoleOperate, RoleAdmin}

// TokenRoles lists the roles of tokens.
var TokenRoles = [...]Role{RoleView, RoleOperate, RoleAdmin, RoleAnnounce, RoleMetrics}
