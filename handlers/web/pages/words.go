package pages

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

var causeWords = map[domain.Cause]string{
	domain.CauseDNS:               "its host name was not found",
	domain.CauseRefused:           "nothing listens at its address",
	domain.CauseUnreachable:       "there was no route to its host",
	domain.CauseConnectTimeout:    "the connection was not answered in time",
	domain.CauseTLS:               "no trusted TLS connection could be made",
	domain.CauseStartTimeout:      "it accepted the connection and did not answer in time",
	domain.CauseBadResponse:       "the answer was not HTTP",
	domain.CauseGateway:           "a gateway in front of it said that it is not available",
	domain.CauseBusy:              "it still held the run that was lost",
	domain.CauseEOF:               "the stream ended before the scraper had said how the scrape went",
	domain.CauseTruncated:         "the stream was cut in the middle of the transfer",
	domain.CauseReset:             "the connection was reset",
	domain.CauseCorrupt:           "what came over the connection was garbled",
	domain.CauseIdleTimeout:       "nothing was heard for too long",
	domain.CauseMissedBeats:       "three of its announced beats did not come",
	domain.CauseWatcherGone:       "its watcher stayed away",
	domain.CauseInstanceLost:      "the scrapelog instance that followed it died",
	domain.CauseInstanceStop:      "the scrapelog instance that followed it was stopped",
	domain.CauseInstanceExhausted: "the scrapelog instance that followed it had no file descriptor or memory left for a connection",
	domain.CauseOther:             "a fault that has no name of its own",
}

// causeText says a cause in words; an unknown one, of a newer program, as it is.
func causeText(c domain.Cause) string {
	if words, known := causeWords[c]; known {
		return words
	}
	return clean(string(c))
}

var codeWords = map[domain.FailureCode]string{
	domain.CodeScraperError: "the scraper said that the scrape failed",
	domain.CodeRejected:     "the scraper answered without a stream",
	domain.CodeProtocol:     "the scraper broke the contract",
	domain.CodeTimeout:      "the run went past its max_duration",
}

func codeText(c domain.FailureCode) string {
	if words, known := codeWords[c]; known {
		return words
	}
	return clean(string(c))
}

var triggerWords = map[domain.Trigger]string{
	domain.TriggerSchedule: "by schedule",
	domain.TriggerManual:   "by hand",
	domain.TriggerRecovery: "to recover a lost run",
}

func triggerText(t domain.Trigger) string {
	if words, known := triggerWords[t]; known {
		return words
	}
	return clean(string(t))
}

var skipWords = map[domain.SkipReason]string{
	domain.SkipRunOpen:          "another run took its place",
	domain.SkipConnectionLost:   "the connection was lost, and the run that recovers it takes its place",
	domain.SkipPaused:           "the scraper was paused",
	domain.SkipRemoved:          "the scraper was removed",
	domain.SkipRecoveryDisabled: "recovery was disabled",
}

func skipText(r domain.SkipReason) string {
	if words, known := skipWords[r]; known {
		return words
	}
	return clean(string(r))
}

var noticedWords = map[domain.NoticedBy]string{
	domain.NoticedByProbe:    "a probe was answered",
	domain.NoticedByAnnounce: "the scraper announced itself",
	domain.NoticedByWatcher:  "the watcher came back",
}

// Sentence says in words how a run stands, as the first thing its page says.
func Sentence(p RunPage, now time.Time) string {
	into := Took(p.EndedAt.Sub(p.StartedAt))
	name := clean(p.Scraper)
	switch p.Status {
	case domain.StatusRunning:
		return fmt.Sprintf("%s has been scraped for %s%s.", name, age(now.Sub(p.StartedAt)), heardText(p.Run, now)) + attachedText(p.Run)
	case domain.StatusCompleted:
		return fmt.Sprintf("%s was scraped in %s: %s.", name, into, itemsText(p.Run))
	case domain.StatusFailed:
		return fmt.Sprintf("The scrape of %s failed %s into the run: %s.", name, into, failedText(p.Code, p.HTTPStatus))
	case domain.StatusConnectionFailed:
		return strings.TrimSpace(lostText(p) + " " + recoveryText(p))
	case domain.StatusCancelled:
		return fmt.Sprintf("%s cancelled the run of %s %s into it%s.", someone(p.CancelledBy), name, into, because(p.CancelReason))
	}
	return fmt.Sprintf("The run of %s is %s.", name, clean(string(p.Status)))
}

// attachedText says what an attached run hangs on.
func attachedText(r Run) string {
	if !r.Attached() {
		return ""
	}
	return " It ends when its watcher goes away."
}

func heardText(r Run, now time.Time) string {
	if r.HeardAt.IsZero() {
		return ""
	}
	return fmt.Sprintf("; it was last heard %s ago", age(now.Sub(r.HeardAt)))
}

func itemsText(r Run) string {
	if r.Items == nil {
		return "done"
	}
	return plural(*r.Items, "item")
}

// failedText says why a run failed. Rejected without a status is a request that was
// not sent: nothing has answered.
func failedText(c domain.FailureCode, status int) string {
	if c == domain.CodeRejected && status == 0 {
		return "the request may not be sent"
	}
	return codeText(c) + answeredText(status)
}

func answeredText(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf(" (HTTP %d)", status)
}

// lostText says what was lost, when and why: the silence with its length.
func lostText(p RunPage) string {
	into := Took(p.EndedAt.Sub(p.StartedAt))
	name := clean(p.Scraper)
	switch {
	case p.Link == domain.LinkWatcher:
		return fmt.Sprintf("The run of %s was stopped %s into it: nobody watched it any more.", name, into)
	case p.Cause == domain.CauseInstanceLost, p.Cause == domain.CauseInstanceStop, p.Cause == domain.CauseInstanceExhausted:
		return fmt.Sprintf("The run of %s was given up %s into it: %s.", name, into, causeText(p.Cause))
	case p.Phase == domain.PhaseConnecting:
		return fmt.Sprintf("%s could not be reached: %s.", name, causeText(p.Cause))
	case p.Cause == domain.CauseIdleTimeout && !p.LastHeardAt.IsZero():
		return fmt.Sprintf("The connection to %s was lost %s into the run: nothing was heard for %s.", name, into, Took(p.EndedAt.Sub(p.LastHeardAt)))
	}
	return fmt.Sprintf("The connection to %s was lost %s into the run: %s.", name, into, causeText(p.Cause))
}

// recoveryText says what followed a loss, or what is being waited for.
func recoveryText(p RunPage) string {
	back := !p.RestoredAt.IsZero()
	switch {
	case p.Next.ID != uuid.Nil && back && p.Next.StartedAt.Sub(p.RestoredAt) < time.Millisecond:
		return "A new scrape started at once when the connection came back."
	case p.Next.ID != uuid.Nil && back:
		return fmt.Sprintf("A new scrape started %s after the connection came back.", Took(p.Next.StartedAt.Sub(p.RestoredAt)))
	case p.Next.ID != uuid.Nil:
		return "A new scrape has followed it."
	case back && p.Standing:
		return fmt.Sprintf("The connection came back after %s; %s.", downText(p.Run), cmp.Or(p.Waiting, "the new scrape is still to start"))
	case back && p.AsOf != nil:
		return fmt.Sprintf("The connection came back after %s.", downText(p.Run))
	case back:
		return fmt.Sprintf("The connection came back after %s, and no scrape was started for it.", downText(p.Run))
	case p.Standing && p.Waiting != "":
		return sentenceCase(clean(p.Waiting)) + "."
	case p.Standing:
		return "A new scrape starts as soon as the connection is back."
	case p.AsOf != nil:
		return "" // what was waited for then is in no event of the run
	}
	return "A newer run has taken its place."
}

// linkWords says which connection was lost, and when in its life.
func linkWords(r Run) string {
	words := "to the scraper"
	if r.Link == domain.LinkWatcher {
		words = "to the watcher"
	}
	switch r.Phase {
	case domain.PhaseConnecting:
		return words + ", while it was being opened"
	case domain.PhaseStreaming:
		return words + ", while its stream was open"
	}
	return words
}

// notBackText says how a connection stands that is not known to be back.
func notBackText(p RunPage) string {
	switch {
	case p.AsOf != nil:
		return "not by then"
	case p.Standing:
		return "not yet"
	}
	return "not seen: a newer run took this one's place"
}

// notRecoveredText says why no run stands for a lost one.
func notRecoveredText(p RunPage) string {
	switch {
	case p.AsOf != nil:
		return "no run by then"
	case p.Standing:
		return "no run yet"
	}
	return "no run"
}

func downText(r Run) string {
	if r.DownForMS == nil {
		return "a while"
	}
	return Took(time.Duration(*r.DownForMS) * time.Millisecond)
}

// someone is an actor as it begins a sentence.
func someone(by string) string {
	if by == "" {
		return "Somebody"
	}
	return clean(by)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + clean(strings.TrimSuffix(reason, "."))
}

// problemText is a problem's detail as a sentence; what its title says already
// is not said again.
func problemText(p Problem) string {
	switch {
	case p.Status == http.StatusInternalServerError && p.Asked != "":
		return "The service's log has the reason, under the request id " + clean(p.Asked) + "."
	case p.Status == http.StatusBadRequest: // begins with the name of a parameter
		return clean(p.Detail)
	}
	detail, missing := strings.CutSuffix(clean(p.Detail), ": not found")
	if missing && nameAlone.MatchString(detail) {
		detail = "there is no " + detail
	}
	return sentenceCase(detail) + "."
}

// nameAlone is a thing by its name and nothing said of it.
var nameAlone = regexp.MustCompile(`^(run|scraper|stream|event|projection) \S+$`)

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func sentenceCase(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// why is the reason for a run's end in a list: short, and in words.
func why(r Run) string {
	switch r.Status {
	case domain.StatusConnectionFailed:
		return causeText(r.Cause)
	case domain.StatusFailed:
		return failedText(r.Code, r.HTTPStatus)
	case domain.StatusCancelled:
		return "by " + clean(r.CancelledBy) + because(r.CancelReason)
	default:
		return ""
	}
}
