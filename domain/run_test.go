package domain_test

import (
	stdcmp "cmp"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
)

var (
	runID   = uuid.MustParse("01990000-0000-7000-8000-000000000001")
	otherID = uuid.MustParse("01990000-0000-7000-8000-000000000002")
	thirdID = uuid.MustParse("01990000-0000-7000-8000-000000000003")
	noon    = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

const shop = "shop-prices"

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func aboutRun(id uuid.UUID, seconds float64) domain.AboutRun {
	return domain.AboutRun{RunID: id, Scraper: shop, At: at(seconds)}
}

var toRun = domain.ToRun{RunID: runID}

var (
	started = domain.RunStarted{AboutRun: aboutRun(runID, 0), Trigger: domain.TriggerManual, Instance: "i1"}
	lost    = domain.ConnectionLost{AboutRun: aboutRun(runID, 41), Link: domain.LinkScraper, Phase: domain.PhaseStreaming,
		Cause: domain.CauseTruncated, Detail: "unexpected EOF", LastHeardAt: at(40), Received: domain.Received{Events: 3, Bytes: 120}}
	restored  = domain.ConnectionRestored{AboutRun: aboutRun(runID, 50), Link: domain.LinkScraper, DownForMS: 9000, NoticedBy: domain.NoticedByProbe}
	completed = domain.RunCompleted{AboutRun: aboutRun(runID, 60), Items: 7, DurationMS: 60_000}
	failed    = domain.RunFailed{AboutRun: aboutRun(runID, 60), Code: domain.CodeScraperError, Detail: "no such shop"}
	cancelled = domain.RunCancelled{AboutRun: aboutRun(runID, 60), By: "user:ada", Reason: "wrong shop"}

	reportCompleted = domain.ReportCompleted{ToRun: toRun, Items: 7}
	reportFailed    = domain.ReportFailed{ToRun: toRun, Code: domain.CodeScraperError, Detail: "no such shop"}
	reportLost      = domain.ReportConnectionLost{ToRun: toRun, Link: domain.LinkScraper, Phase: domain.PhaseStreaming,
		Cause: domain.CauseTruncated, Detail: "unexpected EOF", LastHeardAt: at(40), Received: domain.Received{Events: 3, Bytes: 120}}
	reportRestored = domain.ReportConnectionRestored{ToRun: toRun, NoticedBy: domain.NoticedByProbe}
	cancel         = domain.CancelRun{ToRun: toRun, By: "user:ada", Reason: "wrong shop"}
)

type runRule struct {
	given  []domain.Event
	when   domain.RunCommand
	at     float64 // seconds after noon; 60 if it is not said
	then   []domain.Event
	refuse error
}

func TestRun(t *testing.T) {
	superseded := reportRestored
	superseded.Superseded = true
	short := completed
	short.MinItems = 8

	rules := map[string]runRule{
		"a running run completes when its scraper says so": {given: events(started), when: reportCompleted, then: events(completed)},
		"a run that brings too little says how much":       {given: events(started), when: domain.ReportCompleted{ToRun: toRun, Items: 7, MinItems: 8}, then: events(short)},
		"a run that brings just enough does not":           {given: events(started), when: domain.ReportCompleted{ToRun: toRun, Items: 7, MinItems: 7}, then: events(completed)},
		"a running run fails when its scraper says so":     {given: events(started), when: reportFailed, then: events(failed)},
		"a running run loses its connection":               {given: events(started), when: reportLost, at: 41, then: events(lost)},
		"a running run is cancelled":                       {given: events(started), when: cancel, then: events(cancelled)},
		"a running run has no connection to get back":      {given: events(started), when: reportRestored, refuse: domain.ErrInvalid},
		"a clock that was set back makes no negative time": {given: events(started), when: reportCompleted, at: -5, then: events(domain.RunCompleted{AboutRun: aboutRun(runID, -5), Items: 7})},
		"a run that never started knows nothing":           {when: reportCompleted, refuse: domain.ErrNotFound},
		"a completed run cannot lose its connection":       {given: events(started, completed), when: reportLost, refuse: domain.ErrFinished},
		"a completed run cannot fail":                      {given: events(started, completed), when: reportFailed, refuse: domain.ErrFinished},
		"a completed run cannot be cancelled":              {given: events(started, completed), when: cancel, refuse: domain.ErrFinished},
		"a completed run has no connection to get back":    {given: events(started, completed), when: reportRestored, refuse: domain.ErrFinished},
		"a failed run cannot complete":                     {given: events(started, failed), when: reportCompleted, refuse: domain.ErrFinished},
		"a cancelled run cannot complete":                  {given: events(started, cancelled), when: reportCompleted, refuse: domain.ErrFinished},
		"a lost run cannot complete":                       {given: events(started, lost), when: reportCompleted, refuse: domain.ErrFinished},
		"completing twice is nothing new":                  {given: events(started, completed), when: reportCompleted},
		"losing the connection twice is nothing new":       {given: events(started, lost), when: reportLost},
		"cancelling twice is nothing new":                  {given: events(started, cancelled), when: cancel},
		"a lost connection is restored":                    {given: events(started, lost), when: reportRestored, at: 50, then: events(restored)},
		"a lost connection is restored once":               {given: events(started, lost, restored), when: reportRestored},
		"a loss that a newer run superseded stays lost":    {given: events(started, lost), when: superseded},
		"a restored run stays connection_failed":           {given: events(started, lost, restored), when: reportCompleted, refuse: domain.ErrFinished},
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			var run domain.Run
			for _, e := range rule.given {
				run = run.Evolve(e)
			}
			got, err := run.Decide(rule.when, at(stdcmp.Or(rule.at, 60)))
			check(t, got, err, rule.then, rule.refuse)
		})
	}
}

func TestRunStatusFollowsFromTheFirstEnd(t *testing.T) {
	for _, c := range []struct {
		events []domain.Event
		want   domain.RunStatus
	}{
		{nil, ""},
		{events(started), domain.StatusRunning},
		{events(started, completed), domain.StatusCompleted},
		{events(started, failed), domain.StatusFailed},
		{events(started, lost), domain.StatusConnectionFailed},
		{events(started, lost, restored), domain.StatusConnectionFailed},
		{events(started, cancelled), domain.StatusCancelled},
	} {
		var run domain.Run
		for _, e := range c.events {
			run = run.Evolve(e)
		}
		if run.Status != c.want {
			t.Errorf("after %d events: status %q, want %q", len(c.events), run.Status, c.want)
		}
		if run.Status.Final() != (len(c.events) > 1) {
			t.Errorf("%q: final is %v", run.Status, run.Status.Final())
		}
	}
}

func TestHoldDownIsForRecoveryRunsLostSoonAfterTheirStart(t *testing.T) {
	recovery := started
	recovery.Trigger = domain.TriggerRecovery
	late := lost
	late.At = at(10)
	soon := lost
	soon.At = at(9.999)
	watcher := soon
	watcher.Link = domain.LinkWatcher

	for name, c := range map[string]struct {
		events []domain.Event
		want   bool
	}{
		"a manual run is followed at once":                      {events(started, soon), false},
		"a recovery run lost within the hold-down is held down": {events(recovery, soon), true},
		"a recovery run lost at the hold-down's end is not":     {events(recovery, late), false},
		"a recovery run that lost its watcher is not":           {events(recovery, watcher), false},
		"a recovery run that is running is not":                 {events(recovery), false},
	} {
		t.Run(name, func(t *testing.T) {
			var run domain.Run
			for _, e := range c.events {
				run = run.Evolve(e)
			}
			if got := run.HeldDown(10 * time.Second); got != c.want {
				t.Errorf("held down: %v, want %v", got, c.want)
			}
		})
	}
}

func events(e ...domain.Event) []domain.Event { return e }

func check(t *testing.T, got []domain.Event, err error, want []domain.Event, refuse error) {
	t.Helper()
	if !errors.Is(err, refuse) {
		t.Fatalf("refusal: %v, want %v", err, refuse)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
