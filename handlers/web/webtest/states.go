package webtest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/web"
	"scrapelog/projections"
	"scrapelog/projections/replay"
)

// lostTo is the story with another loss in it, the one that still stands.
func lostTo(change func(*projections.Run, *projections.Scraper)) func() *Service {
	return func() *Service {
		s := New()
		run := slices.IndexFunc(s.Rows, func(r projections.Run) bool { return r.ID == Lost })
		scraper := slices.IndexFunc(s.Named, func(n projections.Scraper) bool { return n.LostRun == Lost })
		change(&s.Rows[run], &s.Named[scraper])
		s.Named[scraper].Connection.Cause, s.Named[scraper].Connection.Link = s.Rows[run].Cause, s.Rows[run].Link
		return s
	}
}

func unreachable(r *projections.Run, _ *projections.Scraper) {
	r.Cause, r.Phase, r.Detail = domain.CauseRefused, domain.PhaseConnecting, "dial tcp 127.0.0.1:9090: connect: connection refused"
	r.Received, r.LastHeardAt = domain.Received{}, time.Time{}
}

func unwatched(r *projections.Run, _ *projections.Scraper) {
	r.Cause, r.Phase, r.Link, r.Watcher = domain.CauseWatcherGone, "", domain.LinkWatcher, "tab-4f1d"
	r.Detail, r.LastHeardAt = "the watcher has had no stream open for 10.1s", time.Time{}
}

func orphaned(r *projections.Run, _ *projections.Scraper) {
	r.Cause, r.Phase, r.Detail = domain.CauseInstanceLost, "", "its last beat is 10.2s old"
}

func paused(_ *projections.Run, s *projections.Scraper) {
	s.Paused, s.PausedAt, s.PausedBy, s.PausedReason = true, ago(5*time.Minute), "user:web", "the shop moves house"
	s.NextSlot, s.AfterRecovery = projections.Time{}, false
}

// heldBack is a loss whose connection is back while its scraper is paused.
func heldBack(r *projections.Run, s *projections.Scraper) {
	paused(r, s)
	down := int64(200_000)
	r.RestoredAt, r.DownForMS, r.NoticedBy = r.EndedAt.Add(200*time.Second), &down, domain.NoticedByProbe
	s.Restored, s.Connection.State, s.Connection.Since = true, projections.ConnectionUp, at(r.RestoredAt)
}

func removed(_ *projections.Run, s *projections.Scraper) {
	s.Removed, s.RemovedAt, s.NextSlot = true, ago(3*time.Minute), projections.Time{}
}

func unrecovering(_ *projections.Run, s *projections.Scraper) { s.Config.Recovery.Enabled = false }

// asked is the story after a button was pressed, as its page is once it says so.
func asked(path, says string, with func(*Service)) func() *Service {
	return func() *Service {
		s := New()
		s.pressed, s.says = path, says
		with(s)
		return s
	}
}

// underWay never ends within the story.
func underWay(s *Service) { s.Hold = make(chan struct{}) }

func damaged(s *Service) {
	s.Verdict.Verdict, s.Verdict.Says = proof.Damaged, "The log is damaged: event 17 is not as it was signed."
	s.Verdict.Advice = "Restore a backup of before, or find out who wrote into the database."
	s.Verdict.Damage = []proof.Damage{
		{Kind: proof.Edited, Position: 17, Says: "Event 17 is not as it was signed."}, {Kind: proof.CheckpointForged, Says: Hostile},
	}
}

func unproven(s *Service) {
	const says = "The copy of the checkpoints outside is missing: without it a database that was rewritten as a whole cannot be told from the true one."
	s.Verdict.Verdict, s.Verdict.Outside, s.Verdict.Says = proof.Unproven, proof.OutsideAbsent, says
	s.Verdict.Damage = []proof.Damage{{Kind: proof.OutsideMissing, Says: says}}
}

// equal is what a replay of the story finds.
func equal() replay.Comparison {
	return replay.Comparison{
		State: replay.State{Position: Head}, Equal: true,
		Projections: []replay.ProjectionResult{{Name: "runs", Position: Head, Kept: Head, Rows: 174}, {Name: "scrapers", Position: Head, Kept: Head, Rows: 4}},
	}
}

// unequal is a replay that finds each kind of difference.
func unequal(s *Service) {
	c := equal()
	c.Equal, c.Differing, c.Projections[0].Differing, c.Projections[1].Differing = false, 104, 103, 1
	c.Differences = []replay.Difference{
		{Table: "runs", Key: Lost.String(), Kind: replay.RowChanged, After: 17, Columns: []replay.Column{
			{Name: "status", Kept: "running", Replayed: "connection_failed"}, {Name: "detail", Kept: nil, Replayed: Hostile},
			{Name: "ended_at", Kept: nil, Replayed: ago(time.Hour).UnixMicro()},
		}},
		{Table: "runs", Key: Done.String(), Kind: replay.RowMissing, After: 23},
		{Table: "scrapers", Key: "nobody", Kind: replay.RowExtra},
		{Table: "run_counts", Key: "failed", Kind: replay.RowChanged, After: 140, Columns: []replay.Column{{Name: "runs", Kept: int64(3), Replayed: int64(4)}}},
	}
	s.Replayed = c
}

// stumbled is a projection that could not go on for a while, and did then.
func stumbled() *Service {
	s := New()
	s.Failed = feed.Failure{At: ago(3 * time.Hour), Position: 101, Times: 4, Reason: "database is locked (5) (SQLITE_BUSY)"}
	return s
}

// reconfigured is the story with another configuration of shop-prices at its end.
func reconfigured() *Service {
	s := New()
	i := slices.IndexFunc(s.Named, func(n projections.Scraper) bool { return n.Name == "shop-prices" })
	c := &s.Named[i].Config
	c.IdleTimeout, c.Platforms, c.Params = domain.Duration(30*time.Second), []string{"alpha", Hostile}, map[string]any{"depth": 3}
	e := domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: "shop-prices", At: ago(time.Minute)}, Source: domain.SourceFile, Config: *c}
	s.Recorded = append(s.Recorded, Record(Head+1, 2, e))
	return s
}

func givenUp(s *Service) { s.Refusal = errors.New("the database is gone") }

func nothing(*Service) {}

// press does what a story begins with, and waits until its page says that it is
// done, or as far as it gets.
func (s *Service) press(h *web.Handler, e *echo.Echo, path string) (stop func()) {
	ctx, stop := context.WithCancel(context.Background())
	if s.pressed == "" {
		return stop
	}
	go func() { _ = h.Run(ctx) }() // ends with the story's page
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://localhost"+s.pressed, nil))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
		if strings.Contains(w.Body.String(), s.says) {
			break
		}
	}
	return stop
}
