package webtest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/feed"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web"
	"scrapelog/handlers/web/pages"
)

// Story is a page in one of its states.
type Story struct {
	Name    string // a part of its URL
	Path    string
	Service func() *Service // New, or a variation of it
}

// Stories are the pages in all of their states.
func Stories() []Story {
	run := func(id uuid.UUID) string { return "/runs/" + id.String() }
	as := func(id uuid.UUID, version int64) string {
		return fmt.Sprintf("%s?at=%d", run(id), positionOf(id, version))
	}
	return []Story{
		{"overview", "/", New}, {"overview-empty", "/", Empty}, {"overview-blocked", "/", blocked}, {"overview-given-up", "/", untold},
		{"notices", "/notices", New}, {"notices-empty", "/notices", Empty}, {"notices-given-up", "/notices", untold},
		{"runs", "/runs", New}, {"runs-empty", "/runs", Empty}, {"runs-no-match", "/runs?scraper=weather", New}, {"runs-bad-filter", "/runs?status=nope", New},
		{"runs-chips", "/runs?q=scraper:shop-prices+status:completed,running+since:2026-11-01", New}, {"runs-text", "/runs?q=shop", New}, {"runs-id", "/runs?q=c3d40008", New},
		{"runs-wrong", "/runs?q=" + url.QueryEscape("statsu:failed status:faild trigger:manual since:noon"), New}, {"runs-unknown-scraper", "/runs?q=scraper:shop-pricse", New},
		{"runs-hostile", "/runs?q=" + url.QueryEscape(strings.ReplaceAll(Hostile, "\x00", "")), New},
		{"run-running", run(Open), New}, {"run-attached", run(Attached), New}, {"run-completed", run(Done), New}, {"run-failed", run(Failed), New},
		{"run-cancelled", run(Cancelled), New}, {"run-lost", run(Lost), New}, {"run-recovered", run(Recovered), New}, {"run-recovery", run(Recovery), New},
		{"run-flapping", run(FlapTwo), New}, {"run-hostile", run(Cut), New}, {"run-as-of", as(Recovered, 2), New}, {"run-before", run(Open) + "?at=1", New},
		{"run-compact", run(Recovered) + "?view=compact", New}, {"run-json", run(Recovered) + "?view=json", New}, {"run-not-found", run(RunID(99)), New},
		{"run-recorded", fmt.Sprintf("%s?recorded=%d", run(Open), Head), New},
		{"outages", "/outages", New}, {"outages-empty", "/outages", Empty}, {"outages-ended", "/outages?open=false", New}, {"outages-day", "/outages?since=2026-11-23&until=2026-11-24", New},
		{"outage", "/outages/" + anOutage(0).String(), New}, {"outage-ended", "/outages/" + anOutage(1).String(), New}, {"outage-not-found", "/outages/" + RunID(99).String(), New},
		{"scrapers", "/scrapers", New}, {"scrapers-empty", "/scrapers", Empty}, {"scrapers-found", "/scrapers?q=shop", New}, {"scrapers-none-found", "/scrapers?q=nope", New},
		{"scrapers-several-origins", "/scrapers", origins},
		{"scraper", "/scrapers/shop-prices", New}, {"scraper-lost", "/scrapers/reviews", New}, {"scraper-paused", "/scrapers/news", New},
		{"scraper-outages", "/scrapers/shop-prices?tab=outages&range=7d", New}, {"scraper-configuration", "/scrapers/shop-prices?tab=configuration", reconfigured},
		{"scraper-unwatched", "/scrapers/reviews", lostTo(unwatched)}, {"overview-unwatched", "/", lostTo(unwatched)}, {"scraper-never-ran", "/scrapers/weather", New}, {"scraper-not-found", "/scrapers/nope", New},
		{"events", "/events", New}, {"events-drawer", fmt.Sprintf("/events?open=%d", positionOf(Recovered, 2)), New}, {"events-older", "/events?upto=20", New}, {"events-empty", "/events", Empty}, {"events-no-match", "/events?text=nowhere", New},
		{"event", fmt.Sprintf("/events/%d", positionOf(Recovered, 3)), New}, {"event-caused", fmt.Sprintf("/events/%d", positionOf(Recovery, 1)), New},
		{"event-not-signed", fmt.Sprintf("/events/%d", Head), New}, {"event-beyond", fmt.Sprintf("/events/%d", Head+1), New}, {"event-none", "/events/0", New},
		{"stream", "/streams/scraper-news", New}, {"stream-not-found", "/streams/run-x", New},
		{"run-lost-connecting", run(Lost), lostTo(unreachable)}, {"run-lost-watcher", run(Lost), lostTo(unwatched)}, {"run-lost-instance", run(Lost), lostTo(orphaned)},
		{"run-lost-paused", run(Lost), lostTo(paused)}, {"run-back-paused", run(Lost), lostTo(heldBack)}, {"run-lost-removed", run(Lost), lostTo(removed)},
		{"run-lost-no-recovery", run(Lost), lostTo(unrecovering)},
		{"scraper-lost-paused", "/scrapers/reviews", lostTo(paused)}, {"scraper-removed", "/scrapers/reviews", lostTo(removed)},
		{"projections", "/projections", New}, {"projections-blocked", "/projections", blocked}, {"projections-empty", "/projections", Empty}, {"projections-stumbled", "/projections", stumbled},
		{"projections-rebuilding", "/projections", asked("/projections/runs/rebuild", "Event 75 of 150", underWay)},
		{"projections-rebuilt", "/projections", asked("/projections/runs/rebuild", "Done in", nothing)},
		{"audit-verifying", "/audit", asked("/audit/verify", "Event 75 of 150", underWay)}, {"audit-verified", "/audit", asked("/audit/verify", "Done in", nothing)},
		{"audit-damaged", "/audit", asked("/audit/verify", "Done in", damaged)}, {"audit-unproven", "/audit", asked("/audit/verify", "Done in", unproven)},
		{"audit-given-up", "/audit", asked("/audit/verify", "Failed", givenUp)},
		{"audit-replaying", "/audit", asked("/audit/replay", "Event 75 of 150", underWay)}, {"audit-equal", "/audit", asked("/audit/replay", "Done in", nothing)},
		{"audit-different", "/audit", asked("/audit/replay", "Done in", unequal)},
		{"audit", "/audit", New}, {"audit-empty", "/audit", Empty}, {"audit-refused", "/audit", refused},
		{"overview-away", "/", gone}, {"run-away", run(Open), gone}, {"unavailable", "/runs", unreachableDatabase},
		{"projections-file-refused", "/projections", misread}, {"scrapers-file-refused", "/scrapers", misread}, {"scraper-file-refused", "/scrapers/shop-prices", misread},
		{"login", "/login?next=/runs", nobody}, {"setup", "/setup?token=token", nobody}, {"account", "/account", seenBy(Ada)}, {"account-view", "/account", seenBy(Vera)},
		{"account-revoke", "/account/tokens/h4k2m7p3q5r6s8t9/revoke", seenBy(Ada)}, {"people", "/people", seenBy(Ada)}, {"people-none", "/people", unguarded}, {"people-locked", "/people", locked},
		{"people-remove", "/people/" + Vera.ID.String() + "/remove", seenBy(Ada)}, {"people-password", "/people/" + Vera.ID.String() + "/password", seenBy(Ada)},
		{"overview-view", "/", seenBy(Vera)}, {"scraper-view", "/scrapers/shop-prices", seenBy(Vera)}, {"run-view", run(Open), seenBy(Vera)}, {"audit-view", "/audit", seenBy(Vera)},
		{"projections-operate", "/projections", seenBy(Grace)},
		{"no-page", "/nope", New}, {"broken", "/runs", broken},
	}
}

func positionOf(run uuid.UUID, version int64) int64 {
	for _, rec := range Log() {
		if rec.Stream == domain.RunStream(run) && rec.Version == version {
			return rec.Position
		}
	}
	return 0
}

func blocked() *Service {
	s := New()
	s.Blocked = Hostile
	s.Failed = feed.Failure{At: ago(time.Minute), Position: Head - 2, Times: 9, Reason: Hostile}
	return s
}

func refused() *Service {
	s := New()
	s.Sealing = proof.State{Sealed: 3, SealedAt: ago(time.Hour), Refused: "Event 3 is not as it was signed."}
	return s
}

const goneWhy = "database unavailable: scrapelog.db was moved or removed; put it back, or stop the service"

// gone is the story while the database's file is away: what is open can still be read.
func gone() *Service {
	s := New()
	s.Gone = goneWhy
	return s
}

// unreachableDatabase is the story while the database does not answer at all.
func unreachableDatabase() *Service {
	s := gone()
	s.Err = fmt.Errorf("%w: dial tcp 127.0.0.1:5432: connect: connection refused", eventstore.ErrUnavailable)
	return s
}

func misread() *Service {
	s := New()
	s.Misread = "scrapelog.yaml:7:5: scrapers[0].shedule: unknown key; did you mean schedule?"
	return s
}

func broken() *Service {
	s := New()
	s.Err = fmt.Errorf("the disk is on fire")
	return s
}

// Page renders the story at the time of the canned log: to the byte the same
// each time.
func (s Story) Page() *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	now := func() time.Time { return Now }
	service := s.Service()
	handler := service.Handler(service, now)
	e := Echo(handler)
	w.Header().Set(echo.HeaderXRequestID, "Wm5qPzTn2cKd")
	stop := service.press(handler, e, s.Path)
	defer stop()
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+s.Path, nil)
	if service.As.Kind != "" {
		r = r.WithContext(access.With(r.Context(), service.As))
	}
	e.ServeHTTP(w, r)
	return w
}

// Echo makes an echo with the pages on it, and their answers to errors.
func Echo(h *web.Handler) *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = problem.ErrorHandler(slog.New(slog.DiscardHandler), h.Error)
	h.Register(e)
	return e
}

// RegisterStories adds the story page to e: every badge and every page in each
// of its states. No server that people use has it.
func RegisterStories(e *echo.Echo) {
	e.GET("/dev/stories", func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, Index()) })
	e.GET("/dev/stories/:name", func(c echo.Context) error {
		for _, s := range Stories() {
			if s.Name == c.Param("name") {
				page := s.Page()
				return c.HTMLBlob(page.Code, page.Body.Bytes())
			}
		}
		return echo.ErrNotFound
	})
}

// Index is the story page itself.
func Index() []byte {
	var b bytes.Buffer
	chrome := pages.Chrome{Title: "Stories", Now: Now}
	if err := stories(chrome, Stories()).Render(context.Background(), &b); err != nil {
		panic(err) // canned data renders, or a test says so
	}
	return b.Bytes()
}
