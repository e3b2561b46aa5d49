package pages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

// laneTally is what the ended runs of a lane come to.
type laneTally struct {
	completed, failed, lost, gone int64 // gone: the watcher of an attached run
	away                          time.Duration
}

func (l Lanes) tally(lane Lane) (n laneTally) {
	for _, r := range lane.Runs {
		if !l.shows(r) {
			continue
		}
		n.count(r)
	}
	for _, a := range l.losses(lane) {
		n.away += max(0, l.at(a.to)-l.at(a.from))
	}
	for _, s := range lane.Slots {
		n.completed, n.failed, n.lost, n.gone, n.away = n.completed+s.Completed, n.failed+s.Failed, n.lost+s.Lost, n.gone+s.Gone, n.away+s.Away
	}
	return n
}

// count adds a run.
func (n *laneTally) count(r projections.Run) {
	switch r.Status {
	case domain.StatusCompleted:
		n.completed++
	case domain.StatusFailed:
		n.failed++
	case domain.StatusConnectionFailed:
		if r.Link == domain.LinkWatcher {
			n.gone++
		} else {
			n.lost++
		}
	case domain.StatusRunning, domain.StatusCancelled:
	}
}

// ended counts all but the cancelled runs and those whose watcher went: they say nothing
// of the scraper.
func (n laneTally) ended() int64 { return n.completed + n.failed + n.lost }

// share is the share of the ended runs that completed: "81.2 %".
func (n laneTally) share() string {
	if n.ended() == 0 {
		return "–"
	}
	return strings.TrimSuffix(strconv.FormatFloat(float64(n.completed)/float64(n.ended())*100, 'f', 1, 64), ".0") + unit + "%"
}

// text is "13 ok, 3 lost".
func (n laneTally) text() string {
	if n.ended()+n.gone == 0 {
		return "no run has ended"
	}
	parts := []string{number(n.completed) + unit + "ok"}
	if n.lost > 0 {
		parts = append(parts, number(n.lost)+unit+"lost")
	}
	if n.failed > 0 {
		parts = append(parts, number(n.failed)+unit+"failed")
	}
	if n.gone > 0 {
		parts = append(parts, number(n.gone)+unit+"stopped with its tab")
	}
	return strings.Join(parts, ", ")
}

func (n laneTally) awayText() string {
	if n.away == 0 {
		return "–"
	}
	return Took(n.away)
}

// sentence describes a lane to those who do not see it.
func (l Lanes) sentence(lane Lane) string {
	n := l.tally(lane)
	text := fmt.Sprintf("%s, the last %s: %s", lane.Name, l.Range.Word, n.text())
	if n.away > 0 {
		text += ", away for " + n.awayText()
	}
	return text
}

// durations is the line of the completed runs' durations, of a slot their mean, the oldest
// first, in a box of 80 by 18.
func durations(lane Lane) string {
	took := tookOf(lane)
	if len(took) < 2 {
		return ""
	}
	most := max(slices.Max(took), 0.001)
	var path strings.Builder
	for i, s := range took {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", op, 80*float64(i)/float64(len(took)-1), 17-16*s/most)
	}
	return path.String()
}

// usual is how long a scraper's run usually takes: the median of what is drawn, 0 if
// nothing of it has completed.
func (l Lanes) usual(scraper string) time.Duration {
	i := slices.IndexFunc(l.Of, func(lane Lane) bool { return lane.Name == scraper })
	if i < 0 {
		return 0
	}
	took := tookOf(l.Of[i])
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return time.Duration(took[len(took)/2] * float64(time.Second))
}

// tookOf are the seconds that the completed runs of a lane took, of a slot their mean, the
// oldest first.
func tookOf(lane Lane) (took []float64) {
	for _, r := range slices.Backward(lane.Runs) {
		if r.Status == domain.StatusCompleted {
			took = append(took, r.EndedAt.Sub(r.StartedAt.Time).Seconds())
		}
	}
	for _, s := range lane.Slots {
		if s.Completed > 0 {
			took = append(took, s.Took.Seconds()/float64(s.Completed))
		}
	}
	return took
}
