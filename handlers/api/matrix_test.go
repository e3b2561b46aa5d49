package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"
)

// callers makes a token of each kind: of each role, and of those who may no more.
func (s *service) callers() (names []string, tokens map[string]string) {
	s.Helper()
	store, ctx := s.access.Credentials, s.Context()
	must := func(err error) {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
	}
	tokens = map[string]string{"none": ""}
	admin, _, err := s.access.AddUser(ctx, "cli", "ada", domain.RoleAdmin, passphrase)
	must(err)
	gone, _, err := s.access.AddUser(ctx, "cli", "gone", domain.RoleAdmin, passphrase)
	must(err)
	grants := map[string]credentials.Grant{
		"expired": {Role: domain.RoleAdmin}, "revoked": {Role: domain.RoleAdmin}, "disabled": {Role: domain.RoleAdmin, User: gone.ID},
		"other's": {Role: domain.RoleAdmin, Scrapers: "mine-*"},
	}
	for _, role := range domain.TokenRoles {
		grants[string(role)] = credentials.Grant{Role: role}
	}
	for name, g := range grants {
		g.Name, g.Life = "test", time.Hour
		if g.User != gone.ID {
			g.User = admin.ID
		}
		t, text, _, err := store.Issue(ctx, "cli", g)
		must(err)
		tokens[name] = text
		switch name {
		case "revoked":
			_, err = store.Revoke(ctx, "cli", t.ID)
		case "expired":
			_, err = s.store.Writer().ExecContext(ctx, `UPDATE tokens SET expires_at = 1 WHERE id = $1`, t.ID)
		}
		must(err)
	}
	_, err = store.Disable(ctx, "cli", gone.ID)
	must(err)
	return []string{"none", "view", "operate", "admin", "announce", "metrics", "expired", "revoked", "disabled", "other's"}, tokens
}

// may lists which callers get in at a route, by what it needs. It does not ask the code
// that decides.
var may = map[domain.Role][]string{
	access.Open:         {"none", "view", "operate", "admin", "announce", "metrics", "expired", "revoked", "disabled", "other's"},
	access.Anyone:       {"view", "operate", "admin", "announce", "metrics", "other's"},
	domain.RoleView:     {"view", "operate", "admin", "other's"},
	domain.RoleOperate:  {"operate", "admin", "other's"},
	domain.RoleAdmin:    {"admin", "other's"},
	domain.RoleAnnounce: {"announce", "operate", "admin", "other's"},
	domain.RoleMetrics:  {"metrics", "view", "operate", "admin", "other's"},
}

// TestTheMatrix asks every route of the server, with the guard of the server and handlers
// that only answer 200, as every kind of caller.
func TestTheMatrix(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := start(t, db)
		if err := access.Check(s.echo); err != nil {
			t.Fatal(err)
		}
		e := echo.New()
		e.HTTPErrorHandler = problem.ErrorHandler(s.store.Logger(), nil)
		e.Use(s.access.Guard)
		for _, r := range s.echo.Routes() {
			e.Add(r.Method, r.Path, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
		}
		names, tokens := s.callers()
		printed := []string{fmt.Sprintf("%-50s %-9s", "", "needs") + strings.Join(names, "  ")}
		for _, row := range access.Table {
			if !slices.ContainsFunc(s.echo.Routes(), func(r *echo.Route) bool { return r.Method == row.Method && r.Path == row.Path }) {
				t.Errorf("%s %s has a row and is no route", row.Method, row.Path)
			}
			line := fmt.Sprintf("%-50s %-9s", row.Method+" "+row.Path, row.Least)
			for _, name := range names {
				status := askAs(e, row, tokens[name])
				if want := expected(row, name); status != want {
					t.Errorf("%s %s as %s: %d, want %d", row.Method, row.Path, name, status, want)
				}
				line += fmt.Sprintf("%-*d  ", len(name), status)
			}
			printed = append(printed, line)
		}
		t.Log("\n" + strings.Join(printed, "\n"))
	})
}

func askAs(e *echo.Echo, row access.Row, token string) int {
	path := strings.NewReplacer(":name", "other", ":id", "0198c2f4", ":position", "1", ":user", "ada", "*", "x").Replace(row.Path)
	r := httptest.NewRequest(row.Method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code
}

func expected(row access.Row, name string) int {
	limited := name == "other's" && row.Least != access.Open && (row.Reach == access.Whole || row.Reach == access.Named)
	switch {
	case slices.Contains(may[row.Least], name) && !limited:
		return http.StatusOK
	case slices.Contains([]string{"none", "expired", "revoked", "disabled"}, name):
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}
