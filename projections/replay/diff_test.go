package replay

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
)

func (l *testLog) diff(a, b int64) Span {
	l.Helper()
	s, err := Diff(l.Context(), l.Store, a, b, nil)
	if err != nil {
		l.Fatal(err)
	}
	return s
}

// text is the span in a few lines.
func (s Span) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d to %d:", s.From.Position, s.To.Position)
	for _, name := range s.EventNames() {
		fmt.Fprintf(&b, " %s %d", name, s.Events[name])
	}
	for _, r := range s.Runs {
		was := domain.RunStatus("–")
		if r.Before != nil {
			was = r.Before.Status
		}
		fmt.Fprintf(&b, "\nrun %s %s → %s", r.After.ID.String()[35:], was, r.After.Status)
	}
	for _, c := range s.Scrapers {
		fmt.Fprintf(&b, "\nscraper %s new %v paused %v %s", c.After.Name, c.Before == nil, c.After.Paused, c.After.Connection.State)
	}
	return b.String()
}

func TestWhatChangedBetweenTwoPositions(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Append(told()...)
		for _, test := range []struct {
			a, b int64
			want string
		}{
			{0, 2, "0 to 2: run.started 1 scraper.configured 1\nrun a – → running\nscraper shop new true paused false up"},
			{2, 3, "2 to 3: run.connection_lost 1\nrun a running → connection_failed\nscraper shop new false paused false lost"},
			{3, 6, "3 to 6: run.completed 1 run.connection_restored 1 run.started 1\n" +
				"run a connection_failed → connection_failed\nrun b – → completed\nscraper shop new false paused false up"},
			{6, 99, "6 to 7: scraper.paused 1\nscraper shop new false paused true up"},
			{4, 4, "4 to 4:"},
			{50, 99, "7 to 7:"},
		} {
			if got := log.diff(test.a, test.b).text(); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		}
		s := log.diff(2, 5)
		if s.From.Counts[domain.StatusRunning] != 1 || s.To.Counts[domain.StatusConnectionFailed] != 1 || s.Runs[0].After.RecoveredBy != runB || *s.From.Scrapers != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// What changed up to the middle and from there on is what changed in all.
func TestASpanIsTheSumOfItsParts(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t))
	tale := newStory(t)
	log.Append(tale.Events(200)...)
	for range 5 {
		middle := tale.Int64N(200)
		first, second, whole := log.diff(0, middle), log.diff(middle, 200), log.diff(0, 200)
		for name, n := range whole.Events {
			if first.Events[name]+second.Events[name] != n {
				t.Errorf("%s: %d and %d are not %d", name, first.Events[name], second.Events[name], n)
			}
		}
		started := 0
		for _, r := range second.Runs {
			if r.Before == nil {
				started++
			}
		}
		if len(first.Runs)+started != len(whole.Runs) || !reflect.DeepEqual(first.To, second.From) {
			t.Errorf("at %d: %d runs and %d are not %d", middle, len(first.Runs), started, len(whole.Runs))
		}
	}
}

func TestASpanThatRunsBackward(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t))
	var field *domain.FieldError
	if _, err := Diff(t.Context(), log.Store, 3, 2, nil); !errors.As(err, &field) {
		t.Errorf("got %v", err)
	}
}
