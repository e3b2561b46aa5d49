package access_test

import (
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/handlers/access"
)

var update = flag.Bool("update", false, "write the table into docs/access.md")

func TestTheDocumentHasTheTable(t *testing.T) {
	const file = "../../docs/access.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "| route |")
	if want := before + access.Markdown(); string(text) != want {
		if !*update {
			t.Fatal("docs/access.md has another table of routes: go test ./handlers/access -update")
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheTableGivesEachRoleItsOwn says by itself what each role may: the other tests read
// it from the table, and would follow a row that gives too much.
func TestTheTableGivesEachRoleItsOwn(t *testing.T) {
	want := map[string]domain.Role{
		"GET /healthz": access.Open, "POST /api/v1/login": access.Open, "POST /login": access.Open,
		"POST /logout": access.Anyone,
		"GET /metrics": domain.RoleMetrics, "POST /api/v1/announce": domain.RoleAnnounce,
		"GET /": domain.RoleView, "GET /live": domain.RoleView, "GET /api/v1/runs": domain.RoleView, "GET /api/v1/events": domain.RoleView,
		"POST /api/v1/scrapers/:name/runs": domain.RoleOperate, "POST /api/v1/runs/:id/cancel": domain.RoleOperate,
		"POST /api/v1/scrapers/:name/pause": domain.RoleOperate, "POST /api/v1/scrapers/:name/resume": domain.RoleOperate,
		"POST /api/v1/notices/:id/retry": domain.RoleOperate, "POST /audit/verify": domain.RoleOperate, "POST /audit/replay": domain.RoleOperate,
		"PUT /api/v1/scrapers/:name": domain.RoleAdmin, "DELETE /api/v1/scrapers/:name": domain.RoleAdmin,
		"POST /projections/:name/rebuild": domain.RoleAdmin, "POST /api/v1/notify/test": domain.RoleAdmin,
		"GET /debug/pprof/": domain.RoleAdmin, "GET /debug/pprof/:name": domain.RoleAdmin,
		"GET /api/v1/users": domain.RoleAdmin, "POST /api/v1/users": domain.RoleAdmin, "POST /api/v1/tokens": domain.RoleAdmin,
	}
	for _, row := range access.Table {
		route := row.Method + " " + row.Path
		if least, ok := want[route]; ok && row.Least != least {
			t.Errorf("%s needs %s, want %s", route, row.Least, least)
		}
		delete(want, route)
		once := slices.Contains([]string{"POST /audit/verify", "POST /audit/replay"}, route)
		if once != row.PerMinute {
			t.Errorf("%s: once a minute %v, want %v", route, row.PerMinute, once)
		}
		own := strings.HasPrefix(row.Path, "/account") || strings.HasPrefix(row.Path, "/api/v1/account")
		if row.Method != http.MethodGet && row.Least == domain.RoleView && !own {
			t.Errorf("%s changes more than the own account, and view may", route)
		}
		people := slices.ContainsFunc([]string{"/people", "/api/v1/users", "/api/v1/tokens"}, func(p string) bool { return strings.HasPrefix(row.Path, p) })
		if people && row.Least != domain.RoleAdmin {
			t.Errorf("%s is about the users, and %s may", route, row.Least)
		}
	}
	for route := range want {
		t.Errorf("%s has no row", route)
	}
}

func TestARouteWithoutARowIsNamed(t *testing.T) {
	e := echo.New()
	e.GET("/healthz", nil)
	if err := access.Check(e); err != nil {
		t.Errorf("it has a row: %v", err)
	}
	e.POST("/healthz", nil)
	if err := access.Check(e); err == nil || !strings.Contains(err.Error(), "POST /healthz") {
		t.Errorf("got %v", err)
	}
}
