package pages

import (
	"net/http"
	"regexp"
	"strings"
	"time"

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

// summary returns what became of a run; see [words.Story].
func (p RunPage) summary(now time.Time) string {
	return clean(words.Story{
		Run: p.Run.Run, Next: p.Next, HeardAt: p.HeardAt, Standing: p.Standing, Waiting: p.Waiting, Past: p.AsOf != nil,
	}.Summary(now))
}

func itemsText(r Run) string {
	if r.Items == nil {
		return "done"
	}
	return clean(words.Items(*r.Items, r.MinItems))
}

// linkText returns which connection was lost, and in which phase.
func linkText(link domain.Link, phase domain.Phase) string {
	text := clean(words.Link(link))
	if phase != "" {
		text += ", " + clean(words.Phase(phase))
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

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

func downText(r Run) string {
	if r.DownForMS == nil {
		return "a while"
	}
	return Took(milliseconds(*r.DownForMS))
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
