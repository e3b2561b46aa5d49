package projections

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrapelog/domain"
)

func TestARunAsOfItsLastEventIsItsRow(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(started(runA, 0), lost(runA, 2), restored(runA, 4))
		records, err := log.ReadStream(t.Context(), domain.RunStream(runA), 0)
		if err != nil {
			t.Fatal(err)
		}
		row, err := log.Run(t.Context(), runA)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range []domain.RunStatus{"", domain.StatusRunning, domain.StatusConnectionFailed, domain.StatusConnectionFailed} {
			run, err := RunAsOf(records[:n])
			if err != nil || run.Status != want {
				t.Errorf("after %d events it is %q (%v), want %q", n, run.Status, err, want)
			}
			if n == len(records) {
				if diff := cmp.Diff(row, run); diff != "" {
					t.Errorf("the row (-) is not what was folded (+):\n%s", diff)
				}
			}
		}
	})
}
