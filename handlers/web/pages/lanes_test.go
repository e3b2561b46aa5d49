package pages

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/projections"
)

var laneNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// laneRun is a run that began and ended so many minutes before now.
func laneRun(status domain.RunStatus, began, ended float64) projections.Run {
	ago := func(m float64) projections.Time {
		return projections.Time{Time: laneNow.Add(-time.Duration(m * float64(time.Minute)))}
	}
	r := projections.Run{ID: uuid.New(), Status: status, StartedAt: ago(began), Link: domain.LinkScraper}
	if status.Final() {
		r.EndedAt = ago(ended)
	}
	return r
}

func restored(r projections.Run, ago time.Duration) projections.Run {
	r.RestoredAt = laneNow.Add(-ago)
	return r
}

func TestLanesAreDrawnToScale(t *testing.T) {
	l := Lanes{Range: Ranges[0], Until: laneNow}
	tests := map[string]struct {
		run  projections.Run
		path string
	}{
		"a run of a minute is 60 wide":              {laneRun(domain.StatusCompleted, 10, 9), "M300.0 3H360.0V21H300.0Z"},
		"a running one goes on beyond the edge":     {laneRun(domain.StatusRunning, 1, 0), "M840.0 3H1800.0V21H840.0Z"},
		"a failed one is half as high, and crossed": {laneRun(domain.StatusFailed, 10, 9), "M300.0 12H360.0V21H300.0ZM326.4 3L333.6 9M333.6 3L326.4 9"},
		"a cancelled one is a strip":                {laneRun(domain.StatusCancelled, 10, 9), "M300.0 10H360.0V14H300.0Z"},
		"a lost one has a torn end":                 {laneRun(domain.StatusConnectionFailed, 10, 9), "M300.0 3H360.0L356.4 7.5L360.0 12L356.4 16.5L360.0 21H300.0Z"},
		"one of a moment can be seen":               {laneRun(domain.StatusCompleted, 10, 10), "M300.0 3H301.8V21H300.0Z"},
		"one that began before is cut at the edge":  {laneRun(domain.StatusCompleted, 20, 14), "M0.0 3H60.0V21H0.0Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bars := l.bars(Lane{Runs: []projections.Run{tt.run}})
			if len(bars) != 1 || bars[0].path != tt.path {
				t.Errorf("got %+v, want %s", bars, tt.path)
			}
		})
	}
}

func TestWhatEndedBeforeTheRangeIsNotDrawn(t *testing.T) {
	l := Lanes{Range: Ranges[0], Until: laneNow}
	lane := Lane{Runs: []projections.Run{laneRun(domain.StatusRunning, 40, 0), laneRun(domain.StatusCompleted, 60, 50)}}
	if bars := l.bars(lane); len(bars) != 1 || bars[0].path != "M0.0 3H1800.0V21H0.0Z" {
		t.Errorf("bars: %+v", bars)
	}
	if n := l.tally(lane); n.ended() != 0 {
		t.Errorf("%d runs ended", n.ended())
	}
}

func TestTheTimeAwayEnds(t *testing.T) {
	loss := laneRun(domain.StatusConnectionFailed, 10, 8)
	watcher := loss
	watcher.Link = domain.LinkWatcher
	lostSince := func(ago time.Duration) projections.Scraper {
		since := projections.Time{Time: laneNow.Add(-ago)}
		return projections.Scraper{Connection: projections.Connection{State: projections.ConnectionLost, Link: domain.LinkScraper, Since: since}}
	}
	tests := map[string]struct {
		lane Lane
		want string
	}{
		"with the return":                         {Lane{Runs: []projections.Run{laneRun(domain.StatusCompleted, 5, 4), restored(loss, 6*time.Minute)}}, "2\u00a0min 0\u00a0s"},
		"with the run that superseded the loss":   {Lane{Runs: []projections.Run{laneRun(domain.StatusCompleted, 5, 4), loss}}, "3\u00a0min 0\u00a0s"},
		"not yet, while the connection is lost":   {Lane{Scraper: lostSince(8 * time.Minute), Runs: []projections.Run{loss}}, "8\u00a0min 0\u00a0s"},
		"not yet, since before the range":         {Lane{Scraper: lostSince(time.Hour)}, "15\u00a0min 0\u00a0s"},
		"with a return in the range":              {Lane{Runs: []projections.Run{restored(laneRun(domain.StatusConnectionFailed, 40, 30), 10*time.Minute)}}, "5\u00a0min 0\u00a0s"},
		"at once, when only the watcher had left": {Lane{Runs: []projections.Run{watcher}}, "–"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (Lanes{Range: Ranges[0], Until: laneNow}).tally(tt.lane).awayText(); got != tt.want {
				t.Errorf("away for %q, want %q", got, tt.want)
			}
		})
	}
}

func TestALaneHasASentence(t *testing.T) {
	lane := Lane{
		Scraper: projections.Scraper{Name: "prices"},
		Runs: []projections.Run{
			laneRun(domain.StatusRunning, 1, 0), laneRun(domain.StatusCompleted, 5, 4),
			restored(laneRun(domain.StatusConnectionFailed, 10, 8), 6*time.Minute), laneRun(domain.StatusFailed, 14, 13),
		},
	}
	got := strings.ReplaceAll(Lanes{Range: Ranges[0], Until: laneNow}.sentence(lane), unit, " ")
	if want := "prices, the last 15 min: 1 ok, 1 lost, 1 failed, away for 2 min 0 s"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if share := (Lanes{Range: Ranges[0], Until: laneNow}).tally(lane).share(); share != "33.3"+unit+"%" {
		t.Errorf("share %q", share)
	}
}

func TestSlotsAreDrawnWithTheirWorstStatus(t *testing.T) {
	l := Lanes{Range: Ranges[2], Until: laneNow}
	slot := projections.LaneSlot{Start: laneNow.Add(-time.Hour), Completed: 3, Lost: 1, Took: 6 * time.Second, Away: 90 * time.Second}
	lane := Lane{Slots: []projections.LaneSlot{{Start: laneNow.Add(-2 * time.Hour), Away: time.Minute}, slot}}
	bars := l.bars(lane)
	if len(bars) != 1 || bars[0].class != "bar bar-connection_failed" || !strings.HasSuffix(bars[0].title, "3 completed, 1 connection failed") {
		t.Errorf("bars: %+v", bars)
	}
	if bands := l.away(lane); len(bands) != 2 || bands[1].wide != "900.0" {
		t.Errorf("bands: %+v", bands)
	}
	n := l.tally(lane)
	if n.share() != "75"+unit+"%" || n.awayText() != "2"+unit+"min 30"+unit+"s" {
		t.Errorf("%s completed, away for %s", n.share(), n.awayText())
	}
}
