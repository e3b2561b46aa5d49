package access_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"

	"log/slog"
)

const password = "correct horse battery"

// house is a server with one route of each role, and its users.
type house struct {
	*testing.T
	log   *eventstore.Store
	store *credentials.Store
	*access.Access
	echo *echo.Echo
}

func open(t *testing.T, db eventstoretest.Database, change func(*access.Config)) *house {
	t.Helper()
	log := db.Open(t)
	h := &house{T: t, log: log, store: credentials.New(log, "one"), echo: echo.New()}
	cfg := access.Config{Credentials: h.store, Wake: log.Wake, Unguarded: true, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	a, err := access.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.Access = a
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	h.echo.HTTPErrorHandler = problem.ErrorHandler(cfg.Logger, nil)
	h.echo.Use(a.Guard)
	for _, row := range access.Table {
		h.echo.Add(row.Method, row.Path, func(c echo.Context) error {
			return c.String(http.StatusOK, access.From(c.Request().Context()).Actor("local"))
		})
	}
	return h
}

func (h *house) user(name string, role domain.Role) credentials.User {
	h.Helper()
	u, _, err := h.store.Add(h.Context(), "cli", name, role, password)
	if err != nil {
		h.Fatal(err)
	}
	return u
}

func (h *house) token(u credentials.User, g credentials.Grant) (id, text string) {
	h.Helper()
	g.User, g.Name = u.ID, "test"
	if g.Life == 0 {
		g.Life = time.Hour
	}
	t, text, _, err := h.store.Issue(h.Context(), "cli", g)
	if err != nil {
		h.Fatal(err)
	}
	return t.ID, text
}

func (h *house) ask(method, path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.echo.ServeHTTP(w, r)
	return w
}

// until repeats do until it is true.
func (h *house) until(what string, do func() bool) {
	h.Helper()
	for deadline := time.Now().Add(eventstoretest.Patience); !do(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.Fatal(what)
		}
	}
}

func TestWithoutUsersEverybodyIsAdminAndFromTheFirstOnNobodyIs(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		h := open(t, db, nil)
		if w := h.ask("PUT", "/api/v1/scrapers/shop", ""); w.Code != 200 || w.Body.String() != "local" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		ada := h.user("ada", domain.RoleAdmin)
		h.until("a login is never needed", func() bool { return h.ask("GET", "/api/v1/runs", "").Code == http.StatusUnauthorized })
		w := h.ask("GET", "/api/v1/runs", "")
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="scrapelog"` || w.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("WWW-Authenticate %q, %v", got, w.Header())
		}
		if w := h.ask("GET", "/healthz", ""); w.Code != 200 {
			t.Errorf("/healthz: %d", w.Code)
		}
		id, token := h.token(ada, credentials.Grant{Role: domain.RoleView})
		if w := h.ask("GET", "/api/v1/runs", token); w.Code != 200 || w.Body.String() != "token:"+id {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		w = h.ask("POST", "/api/v1/scrapers/shop/pause", token)
		if w.Code != 403 || !strings.Contains(w.Body.String(), "needs operate; your token is view") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
