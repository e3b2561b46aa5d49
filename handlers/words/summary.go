package words

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Summary returns one line about an event, for people: "shop-prices: connection lost,
// the connection was reset". Nil is an event of a newer version.
func Summary(e domain.Event) string {
	switch e := e.(type) {
	case nil:
		return "an event that this version does not know"
	case domain.RunStarted:
		return e.Scraper + ": started " + Trigger(e.Trigger) + recovered(e) + attached(e)
	case domain.ConnectionLost:
		return e.Scraper + ": connection lost, " + Cause(e.Cause)
	case domain.ConnectionRestored:
		return fmt.Sprintf("%s: connection back after %s, %s", e.Scraper, Took(milliseconds(e.DownForMS)), Noticed(e.NoticedBy))
	case domain.RunCompleted:
		return fmt.Sprintf("%s: completed in %s, %s", e.Scraper, Took(milliseconds(e.DurationMS)), Items(e.Items, e.MinItems)) + Because(e.Note)
	case domain.RunFailed:
		return e.Scraper + ": failed, " + Failure(e.Code, e.HTTPStatus)
	case domain.RunCancelled:
		return e.Scraper + ": cancelled by " + e.By + Because(e.Reason)
	case domain.ScraperConfigured:
		return e.Scraper + ": configured by " + Source(e.Source)
	case domain.ScraperPaused:
		return e.Scraper + ": paused by " + e.By + Because(e.Reason)
	case domain.ScraperResumed:
		return e.Scraper + ": resumed by " + e.By + Because(e.Reason)
	case domain.ScraperRemoved:
		return e.Scraper + ": removed by " + e.By + Because(e.Reason)
	case domain.ScrapeSkipped:
		return fmt.Sprintf("%s: a scrape %s was skipped, %s", e.Scraper, Trigger(e.Trigger), Skip(e.Reason))
	case domain.ScraperOverdue:
		return fmt.Sprintf("%s: overdue, no run has completed as expected for %s", e.Scraper, e.Within)
	case domain.LogAccepted:
		return fmt.Sprintf("the log was accepted by %s with %s of %s proven", e.By, Number(e.Proven), Count(e.Superseded, "signed event")) + Because(e.Reason)
	case domain.LogRead:
		return fmt.Sprintf("the log was read by %s, events %s to %s: %s", e.By, Number(e.After+1), Number(e.Until), e.What)
	case domain.LogVerified:
		if e.Result == domain.LogDamaged {
			return "the log was verified and is damaged: " + e.Says
		}
		return "the log was verified up to event " + Number(e.UpTo) + ": " + e.Result
	case domain.UserAdded:
		return "user " + domain.ShortID(e.UserID) + ": added as " + string(e.Role) + " by " + e.By
	case domain.UserRoleChanged:
		return "user " + domain.ShortID(e.UserID) + ": made " + string(e.Role) + " by " + e.By
	case domain.UserDisabled:
		return "user " + domain.ShortID(e.UserID) + ": disabled by " + e.By
	case domain.UserRemoved:
		return "user " + domain.ShortID(e.UserID) + ": removed by " + e.By
	case domain.UserPasswordChanged:
		return "user " + domain.ShortID(e.UserID) + ": password changed by " + e.By
	case domain.TokenIssued:
		return "user " + domain.ShortID(e.UserID) + ": token " + e.TokenID + " issued as " + string(e.Role) + " by " + e.By
	case domain.TokenRevoked:
		return "user " + domain.ShortID(e.UserID) + ": token " + e.TokenID + " revoked by " + e.By
	}
	return e.EventType()
}

func recovered(e domain.RunStarted) string {
	if e.Recovers == uuid.Nil {
		return ""
	}
	return " " + domain.ShortID(e.Recovers)
}

func attached(e domain.RunStarted) string {
	if e.Watcher == "" {
		return ""
	}
	return ", attached to a watcher"
}

// Because returns a person's or a scraper's own words, behind a colon; nothing for
// none.
func Because(said string) string {
	if said == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(shortened(said), ".")
}

// Brief returns one line about an event, for commands and for grep: the scraper and
// the event's main values as on the wire, with a label where one is needed: "shop
// scraper reset streaming – connection reset by peer".
func Brief(e domain.Event) string {
	return strings.TrimSpace(strings.Join(append([]string{e.ScraperName()}, brief(e)...), " "))
}

func brief(e domain.Event) []string {
	var v values
	switch e := e.(type) {
	case domain.RunStarted:
		v.add("", e.Trigger).time("due", e.DueAt).id("recovers", e.Recovers).add("watcher", e.Watcher)
	case domain.ConnectionLost:
		v.add("", e.Link).add("", e.Cause).add("", e.Phase).add("after event", e.LastEvent).add("–", e.Detail)
	case domain.ConnectionRestored:
		v.add("", e.Link).add("after", milliseconds(e.DownForMS)).add("by", e.NoticedBy)
	case domain.RunCompleted:
		v.add("items", e.Items).least("of at least", e.MinItems).add("in", milliseconds(e.DurationMS)).add("–", e.Note)
	case domain.RunFailed:
		v.add("", e.Code).add("–", e.Detail)
	case domain.RunCancelled:
		v.add("by", e.By).add("–", e.Reason)
	case domain.ScraperConfigured:
		v.add("by", e.Source).add("", e.Config.Schedule)
	case domain.ScraperPaused:
		v.add("by", e.By).add("–", e.Reason)
	case domain.ScraperResumed:
		v.add("by", e.By).add("–", e.Reason)
	case domain.ScraperRemoved:
		v.add("by", e.By).add("–", e.Reason)
	case domain.ScrapeSkipped:
		v.add("", e.Trigger).time("due", e.DueAt).id("recovers", e.Recovers).add("because", e.Reason)
	case domain.ScraperOverdue:
		v.add("within", e.Within).time("last success", e.LastSuccessAt)
	case domain.LogRead:
		v.add("", e.What).add("after", e.After).add("until", e.Until).add("by", e.By)
	case domain.LogVerified:
		v.add("", e.Result).add("up to", e.UpTo).add("in", milliseconds(e.TookMS)).add("–", e.Says)
	case domain.LogAccepted:
		v.add("signed", e.Superseded).add("proven", e.Proven).add("key", e.Key).add("by", e.By).add("–", e.Reason)
	case domain.UserAdded:
		v.id("user", e.UserID).add("", e.Role).add("by", e.By)
	case domain.UserRoleChanged:
		v.id("user", e.UserID).add("", e.Role).add("by", e.By)
	case domain.UserDisabled:
		v.id("user", e.UserID).add("by", e.By)
	case domain.UserRemoved:
		v.id("user", e.UserID).add("by", e.By)
	case domain.UserPasswordChanged:
		v.id("user", e.UserID).add("by", e.By)
	case domain.TokenIssued:
		v.id("user", e.UserID).add("token", e.TokenID).add("", e.Role).add("scrapers", e.Scrapers).time("until", e.ExpiresAt).add("by", e.By)
	case domain.TokenRevoked:
		v.id("user", e.UserID).add("token", e.TokenID).add("by", e.By)
	}
	return v
}

// values are the values that an event has, each after its label.
type values []string

func (v *values) add(label string, value any) *values {
	if text := fmt.Sprint(value); text != "" {
		*v = append(*v, strings.TrimSpace(label+" "+text))
	}
	return v
}

func (v *values) least(label string, n int64) *values {
	if n == 0 {
		return v
	}
	return v.add(label, n)
}

func (v *values) time(label string, t time.Time) *values {
	if t.IsZero() {
		return v
	}
	return v.add(label, t.UTC().Format(time.RFC3339))
}

func (v *values) id(label string, id uuid.UUID) *values {
	if id == uuid.Nil {
		return v
	}
	return v.add(label, id)
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// shortened returns what a person or a scraper said, as long as it may be today. Events
// of older programs hold more.
func shortened(said string) string {
	if cut := domain.Cut(said, domain.MaxNote); len(cut) < len(said) {
		return cut + "…"
	}
	return said
}
