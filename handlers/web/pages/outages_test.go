package pages

import (
	"slices"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/projections"
)

// lossOf is a loss that was noticed, over and followed by a new run after so many seconds,
// each after the one before; negative: never.
func lossOf(noticed, back, restarted int) Outage {
	o := Outage{projections.Loss{Run: projections.Run{ID: next.ID, EndedAt: projections.Time{Time: started}}}}
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	if noticed >= 0 {
		o.Run.LastHeardAt = started.Add(-seconds(noticed))
	}
	if back >= 0 {
		o.Run.RestoredAt = started.Add(seconds(back))
	}
	if restarted >= 0 {
		o.RestartedAt = o.Run.RestoredAt.Add(seconds(restarted))
	}
	return o
}

func TestTheThreeNumbers(t *testing.T) {
	left := lossOf(900, 900, 900) // with its tab: no outage
	left.Run.Link = domain.LinkWatcher
	got := spansOf([]Outage{lossOf(15, 0, 1), lossOf(45, 20, 2), lossOf(-1, -1, -1), lossOf(15, 8000, 3), left})
	want := []spans{
		{name: "Detect", took: seconds(15, 15, 45)}, {name: "Away", took: seconds(0, 20, 8000)}, {name: "Restart", took: seconds(1, 2, 3)},
	}
	for i, s := range got {
		if s.name != want[i].name || !slices.Equal(s.took, want[i].took) {
			t.Errorf("%s: %v, want %v", s.name, s.took, want[i].took)
		}
	}
	if a, b, c := got[1].quantile(0.5), got[1].quantile(0.9), got[1].quantile(1); plainly(a) != "20 s" || plainly(b) != "2 h 13 min" || c != b {
		t.Errorf("quantiles %s, %s, %s", a, b, c)
	}
	if got := (spans{}).quantile(0.5); got != "–" {
		t.Errorf("of nothing: %s", got)
	}
}

func seconds(list ...int) (spans []time.Duration) {
	for _, n := range list {
		spans = append(spans, time.Duration(n)*time.Second)
	}
	return spans
}

func TestWhatDiffersInAConfiguration(t *testing.T) {
	const usual = "name: \"\"\nidle_timeout: 45s\nprobe:\n  url: \"\"\n  interval: 1s\n"
	const before = "name: shop\nidle_timeout: 45s\nprobe:\n  url: \"\"\n  interval: 2s\nplatforms:\n- alpha\n"
	const after = "name: shop\nidle_timeout: 30s\nprobe:\n  url: \"\"\n  interval: 2s\nplatforms:\n- alpha\n- beta\n"
	var marked []string
	for _, l := range markedLines(before, usual) {
		if l.differs {
			marked = append(marked, l.text)
		}
	}
	if want := []string{"name: shop", "  interval: 2s", "platforms:", "- alpha"}; !slices.Equal(marked, want) {
		t.Errorf("marked %q, want %q", marked, want)
	}
	var changed []string
	for _, l := range changedLines(before, after) {
		sign := "-"
		if l.added {
			sign = "+"
		}
		changed = append(changed, sign+l.text)
	}
	if want := []string{"+- beta", "-idle_timeout: 45s", "+idle_timeout: 30s"}; !slices.Equal(changed, want) {
		t.Errorf("changed %q, want %q", changed, want)
	}
}

func TestTheLinesUnderALane(t *testing.T) {
	l := Lanes{Range: Ranges[0], Until: laneNow}
	long, short := laneRun(domain.StatusCompleted, 10, 8), laneRun(domain.StatusCompleted, 5, 4)
	long.Items, short.Items = of[int64](10), of[int64](40)
	lines := l.lines(Lane{Runs: []projections.Run{short, laneRun(domain.StatusFailed, 7, 6), long}})
	if got := plainly(lines[0].label + " " + lines[0].path); got != "Duration, up to 2 min 0 s M420.0 2.0L660.0 12.0" {
		t.Error(got)
	}
	if got := plainly(lines[1].label + " " + lines[1].path + " " + lines[1].dots); got != "Items, up to 40 M420.0 17.0L660.0 2.0 M420.0 17.0h0M660.0 2.0h0" {
		t.Error(got)
	}
}
