package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Story is everything that is known about one run, in the order of time: what
// the log says, what its scraper saw, and how its follower lived.
func Story(log []eventstore.Recorded, seen Seen, run uuid.UUID) string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	add := func(at time.Time, format string, args ...any) {
		if !at.IsZero() {
			lines = append(lines, line{at, fmt.Sprintf(format, args...)})
		}
	}
	for _, r := range log {
		if r.Stream == domain.RunStream(run) || strings.Contains(string(r.Data), run.String()) {
			add(r.RecordedAt, "log %d v%d %s %s by %s of %s", r.Position, r.Version, r.Type, r.Data, r.Metadata["actor"], r.Metadata["instance"])
		}
	}
	lives := map[int]bool{}
	for _, p := range seen.Posts {
		if p.Run == run {
			lives[p.Life] = true
			add(p.At, "POSTed by life %d", p.Life)
			add(p.EndedAt, "the scraper's end: %q items %d", p.Ending, p.Items)
		}
	}
	for i, life := range seen.Lives {
		if lives[i] {
			add(life.Began, "life %d began, later %v", i, life.Instances)
			add(life.Ready, "life %d was ready", i)
			add(life.Asked, "life %d was asked to stop", i)
			add(life.Ended, "life %d ended", i)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "      %s  %s\n", l.at.UTC().Format("15:04:05.000000"), l.text)
	}
	return b.String()
}
