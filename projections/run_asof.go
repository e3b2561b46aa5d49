package projections

import (
	"fmt"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// RunAsOf folds a run from the first events of its stream and returns its row after the
// last of them. Facts of other streams (Run.RecoveredBy) are not in it. Without any
// event it returns the zero Run.
func RunAsOf(records []eventstore.Recorded) (Run, error) {
	var r Run
	for _, rec := range records {
		e, err := rec.Event()
		if err != nil {
			return Run{}, fmt.Errorf("run as of position %d: %w", rec.Position, err)
		}
		if about, ok := e.(domain.RunEvent); ok {
			r = r.evolve(rec.Position, about)
		}
	}
	return r, nil
}
