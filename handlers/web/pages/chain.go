package pages

import (
	"cmp"
	"fmt"
	"strings"
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

// chainText returns how often the connection was lost in a chain of runs, and how the
// chain ended. A run by itself needs no such text.
func chainText(p RunPage, now time.Time) string {
	chain := p.Chain
	if len(chain) < 2 {
		return ""
	}
	first, last := chain[0], chain[len(chain)-1]
	losses := 0
	for _, r := range chain {
		if r.Status == domain.StatusConnectionFailed {
			losses++
		}
	}
	text := "The connection was lost " + times(losses)
	since := func(t time.Time) string { return Took(t.Sub(first.EndedAt.Time)) }
	switch last.Status {
	case domain.StatusCompleted:
		return fmt.Sprintf("%s; the scrape was completed %s after the first loss.", text, since(last.EndedAt.Time))
	case domain.StatusRunning:
		return fmt.Sprintf("%s; a new scrape started %s after the first loss and is running.", text, since(last.StartedAt.Time))
	case domain.StatusConnectionFailed:
		return fmt.Sprintf("%s, most recently %s ago, and no run has recovered it yet.", text, age(now.Sub(last.EndedAt.Time)))
	default:
		return fmt.Sprintf("%s; the run that recovered it ended without completing %s after the first loss.", text, since(last.EndedAt.Time))
	}
}

// chainSentence describes the drawing to those who do not see it.
func chainSentence(p RunPage, now time.Time) string {
	return cmp.Or(chainText(p, now), p.summary(p.now(Chrome{Now: now})))
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

// chainLinkText is one run of a chain: what became of it, and how the next came about.
func chainLinkText(r, next projections.Run, now time.Time) string {
	took := tookText(r, now)
	switch r.Status {
	case domain.StatusRunning:
		return fmt.Sprintf("Running for %s.", took)
	case domain.StatusCompleted:
		return fmt.Sprintf("Completed after %s: %s.", took, itemsText(Run{Run: r}))
	case domain.StatusConnectionFailed:
		return fmt.Sprintf("Lost after %s: %s. %s", took, why(Run{Run: r}), recoveredText(r, next))
	default:
		return fmt.Sprintf("%s after %s: %s.", statusText(r.Status), took, why(Run{Run: r}))
	}
}

// recoveredText is what followed a loss in a chain.
func recoveredText(r, next projections.Run) string {
	var parts []string
	if !r.RestoredAt.IsZero() {
		parts = append(parts, fmt.Sprintf("the connection was back after %s (%s)", downText(Run{Run: r}), noticedText(r.NoticedBy)))
	}
	if next.ID != uuid.Nil {
		parts = append(parts, fmt.Sprintf("the next run started %s after the loss", Took(next.StartedAt.Sub(r.EndedAt.Time))))
	}
	if len(parts) == 0 {
		return "The connection has not come back yet, as far as is known."
	}
	return sentenceCase(strings.Join(parts, "; ")) + "."
}

// tookText is how long a run took, or has taken so far.
func tookText(r projections.Run, now time.Time) string {
	if r.Status == domain.StatusRunning {
		return age(now.Sub(r.StartedAt.Time))
	}
	return Took(r.EndedAt.Sub(r.StartedAt.Time))
}
