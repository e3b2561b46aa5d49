package pages

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

// After is the run that comes after another in a chain; zero: none does.
func After(chain []projections.Run, id uuid.UUID) projections.Run {
	for i, r := range chain[:len(chain)-1] {
		if r.ID == id {
			return chain[i+1]
		}
	}
	return projections.Run{}
}

// chainText says how a story of losses stands: how often the connection was
// lost, and what came of it.
func chainText(chain []projections.Run, now time.Time) string {
	first, last := chain[0], chain[len(chain)-1]
	losses := 0
	for _, r := range chain {
		if r.Status == domain.StatusConnectionFailed {
			losses++
		}
	}
	text := "The connection was lost " + times(losses)
	since := func(t time.Time) string { return Took(t.Sub(first.EndedAt)) }
	switch last.Status {
	case domain.StatusCompleted:
		return fmt.Sprintf("%s; the scrape was completed %s after the first loss.", text, since(last.EndedAt))
	case domain.StatusRunning:
		return fmt.Sprintf("%s; scraping again since %s after the first loss.", text, since(last.StartedAt))
	case domain.StatusConnectionFailed:
		return fmt.Sprintf("%s, the last time %s ago, and no run has recovered that yet.", text, age(now.Sub(last.EndedAt)))
	}
	return fmt.Sprintf("%s; the run that recovered it ended otherwise %s after the first loss.", text, since(last.EndedAt))
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// linkText is one run of a chain: what became of it, and how the next came about.
func linkText(r, next projections.Run, now time.Time) string {
	switch r.Status {
	case domain.StatusRunning:
		return "for " + tookText(r, now)
	case domain.StatusCompleted:
		return fmt.Sprintf("after %s: %s", tookText(r, now), itemsText(Run{Run: r}))
	case domain.StatusConnectionFailed:
		return fmt.Sprintf("after %s: %s. %s", tookText(r, now), why(Run{Run: r}), recoveredText(r, next))
	}
	return fmt.Sprintf("after %s: %s", tookText(r, now), why(Run{Run: r}))
}

func recoveredText(r, next projections.Run) string {
	text := "Not back yet"
	if !r.RestoredAt.IsZero() {
		text = fmt.Sprintf("Back after %s (%s)", downText(Run{Run: r}), noticedWords[r.NoticedBy])
	}
	if next.ID == uuid.Nil {
		return text + "."
	}
	return fmt.Sprintf("%s, recovered %s after the loss by", text, Took(next.StartedAt.Sub(r.EndedAt)))
}

// tookText is how long a run took, or has taken so far.
func tookText(r projections.Run, now time.Time) string {
	if r.Status == domain.StatusRunning {
		return age(now.Sub(r.StartedAt))
	}
	return Took(r.EndedAt.Sub(r.StartedAt))
}
