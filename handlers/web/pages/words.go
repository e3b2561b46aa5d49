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
	"scrapelog/handlers/words"
)

// The words of package words, safe to show on a page.

func statusText(s domain.RunStatus) string             { return clean(words.Status(s)) }
func causeText(c domain.Cause) string                  { return clean(words.Cause(c)) }
func triggerText(t domain.Trigger) string              { return clean(words.Trigger(t)) }
func skipText(r domain.SkipReason) string              { return clean(words.Skip(r)) }
func noticedText(by domain.NoticedBy) string           { return clean(words.Noticed(by)) }
func sourceText(s domain.Source) string                { return clean(words.Source(s)) }
func failedText(c domain.FailureCode, http int) string { return clean(words.Failure(c, http)) }
func because(reason string) string                     { return clean(words.Because(reason)) }

// Sentence returns the state of a run in words, for the top of its page.
func Sentence(p RunPage, now time.Time) string {
	into := Took(p.EndedAt.Sub(p.StartedAt.Time))
	name := clean(p.Scraper)
	switch p.Status {
	case domain.StatusRunning:
		return fmt.Sprintf("%s has been scraped for %s%s.", name, age(now.Sub(p.StartedAt.Time)), heardText(p.Run, now)) + attachedText(p.Run)
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

// attachedText returns the condition under which an attached run goes on.
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
	return clean(words.Items(*r.Items, r.MinItems))
}

// lostText returns what was lost, when and why, with the length of a silence.
func lostText(p RunPage) string {
	into := Took(p.EndedAt.Sub(p.StartedAt.Time))
	name := clean(p.Scraper)
	switch {
	case p.Link == domain.LinkWatcher:
		return fmt.Sprintf("The run of %s was stopped %s into it: its watcher disconnected and did not return.", name, into)
	case p.Cause.Ours():
		return fmt.Sprintf("The run of %s was lost %s into it: %s.", name, into, causeText(p.Cause))
	case p.Phase == domain.PhaseConnecting:
		return fmt.Sprintf("%s could not be reached: %s.", name, causeText(p.Cause))
	case p.Cause == domain.CauseIdleTimeout && !p.LastHeardAt.IsZero():
		return fmt.Sprintf("The connection to %s was lost %s into the run: nothing was heard for %s.", name, into, Took(p.EndedAt.Sub(p.LastHeardAt)))
	}
	return fmt.Sprintf("The connection to %s was lost %s into the run: %s.", name, into, causeText(p.Cause))
}

// recoveryText returns what followed a loss, or what the recovery waits for.
func recoveryText(p RunPage) string {
	back := !p.RestoredAt.IsZero()
	switch {
	case p.Next.ID != uuid.Nil && back && p.Next.StartedAt.Sub(p.RestoredAt) < time.Millisecond:
		return "A new scrape started at once when the connection came back."
	case p.Next.ID != uuid.Nil && back:
		return fmt.Sprintf("A new scrape started %s after the connection came back.", Took(p.Next.StartedAt.Sub(p.RestoredAt)))
	case p.Next.ID != uuid.Nil:
		return "A new scrape has recovered it."
	case back && p.Standing:
		return fmt.Sprintf("The connection came back after %s; %s.", downText(p.Run), cmp.Or(p.Waiting, "the new scrape has not started yet"))
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
	return "A newer run has superseded it."
}

// linkText returns which connection was lost, and in which phase.
func linkText(r Run) string {
	text := clean(words.Link(r.Link))
	if r.Phase != "" {
		text += ", " + clean(words.Phase(r.Phase))
	}
	return text
}

// notBackText returns the state of a connection that is not known to be back.
func notBackText(p RunPage) string {
	switch {
	case p.AsOf != nil:
		return "not by then"
	case p.Standing:
		return "not yet"
	}
	return "not recorded: a newer run superseded this one"
}

// notRecoveredText returns why a lost run has no run that recovers it.
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

// someone returns an actor as the beginning of a sentence.
func someone(by string) string {
	if by == "" {
		return "An unnamed user"
	}
	return clean(by)
}

// problemText returns a problem's detail as a sentence, without the words of its title.
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

// nameAlone matches a detail that is only the name of a thing.
var nameAlone = regexp.MustCompile(`^(run|scraper|stream|event|projection) \S+$`)

func sentenceCase(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// why returns the reason for a run's end in a few words, for lists.
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
