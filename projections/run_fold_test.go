package projections

import (
	"encoding/json"
	"testing"

	"scrapelog/domain"
)

// runAfter is the run after events, at positions 1, 2, 3 …
func runAfter(events ...domain.Event) Run {
	var r Run
	for i, e := range events {
		r = r.evolve(int64(i+1), e.(domain.RunEvent))
	}
	return r
}

func TestARunAsJSON(t *testing.T) {
	slot := started(runA, 0.25)
	slot.Trigger, slot.DueAt = domain.TriggerSchedule, at(0)
	attached := started(runA, 0)
	attached.Watcher = "tab-1"
	noted := completed(runA, 1, 3)
	noted.Note = "the last page repeated the one before"
	short := completed(runA, 1, 0)
	short.MinItems = 1
	named := lost(runA, 2)
	named.LastEvent = "Completed"
	tests := map[string]struct {
		given []domain.Event
		want  string
	}{
		"one whose scraper said how it ended": {
			[]domain.Event{started(runA, 0), noted},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"completed","trigger":"manual","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:01.000000Z","duration_ms":1000,"items":3,"note":"the last page repeated the one before","instance":"i1","position":2}`,
		},
		"one that brought fewer items than expected": {
			[]domain.Event{started(runA, 0), short},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"completed","trigger":"manual","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:01.000000Z","duration_ms":1000,"items":0,"min_items":1,"instance":"i1","position":2}`,
		},
		"a lost one that sent an event": {
			[]domain.Event{started(runA, 0), named},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"connection_failed","trigger":"manual","link":"scraper","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:02.000000Z","duration_ms":2000,"cause":"reset","phase":"streaming","detail":"connection reset by peer","last_event":"Completed","instance":"i1","position":2}`,
		},
		"a running one": {
			[]domain.Event{slot},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"running","trigger":"schedule","started_at":"2026-11-23T12:00:00.250000Z","instance":"i1","position":1}`,
		},
		"a completed one, in which no items and no time are values": {
			[]domain.Event{started(runA, 0), completed(runA, 0, 0)},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"completed","trigger":"manual","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:00.000000Z","duration_ms":0,"items":0,"instance":"i1","position":2}`,
		},
		"a failed one": {
			[]domain.Event{started(runA, 0), domain.RunFailed{AboutRun: about(runA, 1.5), Code: domain.CodeRejected, Detail: "it answered 404", HTTPStatus: 404}},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"failed","trigger":"manual","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:01.500000Z","duration_ms":1500,"detail":"it answered 404","code":"rejected","instance":"i1","position":2}`,
		},
		"an attached one that was lost": {
			[]domain.Event{attached, domain.ConnectionLost{AboutRun: about(runA, 41), Link: domain.LinkWatcher, Cause: domain.CauseWatcherGone}},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"connection_failed","trigger":"manual","link":"watcher","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:41.000000Z","duration_ms":41000,"cause":"watcher_gone","instance":"i1","position":2}`,
		},
		"a lost one that is back": {
			[]domain.Event{started(runA, 0), lost(runA, 2), restored(runA, 4)},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"connection_failed","trigger":"manual","link":"scraper","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:02.000000Z","duration_ms":2000,"cause":"reset","phase":"streaming","detail":"connection reset by peer","instance":"i1","position":3}`,
		},
		"one that recovers another": {
			[]domain.Event{recovers(runA, runB, 4)},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"running","trigger":"recovery","started_at":"2026-11-23T12:00:04.000000Z","recovers":"00000000-0000-7000-8000-00000000000b","instance":"i1","position":1}`,
		},
		"a cancelled one": {
			[]domain.Event{started(runA, 0), domain.RunCancelled{AboutRun: about(runA, 3), By: "user:ada", Reason: "wrong day"}},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"cancelled","trigger":"manual","started_at":"2026-11-23T12:00:00.000000Z","ended_at":"2026-11-23T12:00:03.000000Z","duration_ms":3000,"instance":"i1","position":2}`,
		},
		"one that was ended by a clock set back": {
			[]domain.Event{started(runA, 60), domain.RunCancelled{AboutRun: about(runA, 0)}},
			`{"id":"00000000-0000-7000-8000-00000000000a","scraper":"shop","status":"cancelled","trigger":"manual","started_at":"2026-11-23T12:01:00.000000Z","ended_at":"2026-11-23T12:00:00.000000Z","duration_ms":0,"instance":"i1","position":2}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(runAfter(test.given...))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "JSON", string(got), test.want)
		})
	}
}

func TestARunCarriesWhatPagesShow(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		first := started(runA, 1)
		first.Trigger, first.DueAt, first.Params = domain.TriggerSchedule, at(0), json.RawMessage(`{"depth":2}`)
		log.Given(first, lost(runA, 5), restored(runA, 7), recovers(runB, runA, 7),
			domain.RunFailed{AboutRun: about(runB, 8), Code: domain.CodeRejected, HTTPStatus: 404})
		run, err := log.Run(t.Context(), runA)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !run.DueAt.Equal(at(0)), !run.LastHeardAt.Equal(at(4.5)), !run.RestoredAt.Equal(at(7)):
			t.Errorf("times: %+v", run)
		case run.Received != domain.Received{Events: 3, Bytes: 120}, *run.DownForMS != 2000, run.NoticedBy != domain.NoticedByProbe:
			t.Errorf("evidence: %+v", run)
		case run.RecoveredBy != runB, run.Position != 4, string(run.Params) != `{"depth":2}`, run.StartPosition != 1, run.Attached():
			t.Errorf("start: %+v", run)
		}
		again, err := log.Run(t.Context(), runB)
		if err != nil || again.Recovers != runA || again.HTTPStatus != 404 {
			t.Errorf("the run that recovered it: %+v, %v", again, err)
		}
	})
}

func TestWhatPeopleTypedCannotBlockAProjection(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(started(runA, 0), domain.RunCancelled{AboutRun: about(runA, 1), By: "user:x", Reason: "nul \x00 and \u202e"})
		run, err := log.Run(t.Context(), runA)
		if err != nil || run.CancelReason != "nul \uFFFD and \u202e" {
			t.Errorf("reason %q, %v", run.CancelReason, err)
		}
	})
}

func TestEventsOfAnUnknownRunChangeNothing(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		log.Given(completed(runA, 1, 1), recovers(runB, runA, 2))
		if page, err := log.Runs(t.Context(), RunFilter{}); err != nil || len(page.Runs) != 1 || page.Runs[0].ID != runB {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestCountsAreKept(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		want := Counts{"running": 0, "completed": 0, "failed": 0, "connection_failed": 0, "cancelled": 0}
		expect := func() {
			t.Helper()
			got, err := log.Counts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for status, n := range want {
				if got[status] != n {
					t.Errorf("%s: got %d, want %d", status, got[status], n)
				}
			}
			if len(got) != len(want) {
				t.Errorf("statuses: %v", got)
			}
		}
		expect()
		log.Given(started(runA, 0), started(runB, 0))
		want["running"] = 2
		expect()
		log.Given(lost(runA, 1), restored(runA, 2), completed(runB, 3, 9))
		want["running"], want["connection_failed"], want["completed"] = 0, 1, 1
		expect()
	})
}
