package pages

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/projections"
)

// outageOf is a loss that was noticed, over and recovered after so many seconds;
// negative: never.
func outageOf(noticed, back, recovered int) Outage {
	o := Outage{Run: projections.Run{ID: next.ID, EndedAt: projections.Time{Time: started}}}
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	if noticed >= 0 {
		o.Run.LastHeardAt = started.Add(-seconds(noticed))
	}
	if back >= 0 {
		o.Run.RestoredAt = started.Add(seconds(back))
	}
	if recovered >= 0 {
		o.Next = projections.Run{ID: next.ID, StartedAt: projections.Time{Time: started.Add(seconds(recovered))}}
	}
	return o
}

func TestDistributions(t *testing.T) {
	got := distributions([]Outage{outageOf(15, 0, 1), outageOf(45, 20, 21), outageOf(-1, -1, -1), outageOf(15, 8000, 8000)})
	want := []distribution{
		{name: "Noticed after", spans: seconds(15, 15, 45), buckets: []int{0, 0, 0, 3, 0, 0, 0, 0}},
		{name: "Lost for", spans: seconds(0, 20, 8000), buckets: []int{1, 0, 0, 1, 0, 0, 0, 1}},
		{name: "Recovered after", spans: seconds(1, 21, 8000), buckets: []int{0, 1, 0, 1, 0, 0, 0, 1}},
	}
	for i, d := range got {
		if d.name != want[i].name || !slices.Equal(d.spans, want[i].spans) || !slices.Equal(d.buckets, want[i].buckets) {
			t.Errorf("%s: %v %v, want %v %v", d.name, d.spans, d.buckets, want[i].spans, want[i].buckets)
		}
	}
	if a, b, c := got[1].quantile(0.5), got[1].quantile(0.9), got[1].quantile(1); plainly(a) != "20 s" || plainly(b) != "2 h 13 min" || c != b {
		t.Errorf("quantiles %s, %s, %s", a, b, c)
	}
	if got := (distribution{}).quantile(0.5); got != "–" {
		t.Errorf("of nothing: %s", got)
	}
}

func seconds(list ...int) (spans []time.Duration) {
	for _, n := range list {
		spans = append(spans, time.Duration(n)*time.Second)
	}
	return spans
}

func TestAnOutageStandsWhereItHappened(t *testing.T) {
	standing, superseded := outageOf(1, -1, -1), outageOf(1, -1, -1)
	superseded.Run.ID, superseded.Run.EndedAt.Time = uuid.Nil, started.Add(-time.Hour)
	got := stems([]Outage{standing, superseded}, next.ID, started.Add(time.Hour))
	if got[1].x != "8.0" || got[0].x != "300.0" || !got[0].open || plainly(got[0].title) != "2026-11-23 11:00:00 UTC, lost for 1 h 0 min by now" ||
		got[1].y != "62.0" || got[1].title != "2026-11-23 10:00:00 UTC, a newer run took its place" {
		t.Errorf("%+v", got)
	}
}
