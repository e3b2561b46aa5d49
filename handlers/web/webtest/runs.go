package webtest

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/projections"
)

// Runs are the runs of the canned log, newest first.
func Runs() []projections.Run { return fold(Log()) }

// fold is what the projection "runs" makes of a log.
func fold(log []eventstore.Recorded) []projections.Run {
	streams := map[string][]eventstore.Recorded{}
	for _, rec := range log {
		if strings.HasPrefix(rec.Stream, domain.RunStream(uuid.Nil)[:4]) {
			streams[rec.Stream] = append(streams[rec.Stream], rec)
		}
	}
	var runs []projections.Run
	successors := map[uuid.UUID]projections.Run{}
	for _, records := range streams {
		r, err := projections.RunAsOf(records)
		if err != nil {
			panic(err)
		}
		runs = append(runs, r)
		successors[r.Recovers] = r
	}
	for i, r := range runs {
		if next, ok := successors[r.ID]; ok {
			runs[i].RecoveredBy, runs[i].Position = next.ID, next.StartPosition
		}
	}
	slices.SortFunc(runs, func(a, b projections.Run) int { return int(b.StartPosition - a.StartPosition) })
	return runs
}

// RunOf is one of the canned runs.
func RunOf(id uuid.UUID) projections.Run {
	runs := Runs()
	return runs[slices.IndexFunc(runs, func(r projections.Run) bool { return r.ID == id })]
}
