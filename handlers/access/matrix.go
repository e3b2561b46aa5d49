package access

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"scrapelog/domain"
)

// The needs of routes beside the roles.
const (
	Open   domain.Role = "open"   // no login
	Anyone domain.Role = "anyone" // a login or a token of any role
)

// Reach is what a route shows or does with scrapers, which decides whether a token
// that is limited to some of them may use it.
type Reach string

// The reaches.
const (
	Whole Reach = ""     // everything: not for such a token
	Named Reach = "name" // the scraper that the path names
	Own   Reach = "own"  // the handler refuses what the token does not reach
	None  Reach = "none" // no scraper
)

// Row says which role a route needs.
type Row struct {
	Method, Path string // as echo has them; GET counts for HEAD too
	Least        domain.Role
	Reach        Reach
	PerMinute    bool // who is no admin may use it once a minute
	Stream       bool // open until either end leaves
}

// Table is the only place that says who may use a route. The middleware, the page
// /docs/access and the test are made from it, and a server with a route that it does not
// name does not start.
var Table = []Row{
	{Method: "GET", Path: "/healthz", Least: Open, Reach: None},
	{Method: "GET", Path: "/assets/*", Least: Open, Reach: None},
	{Method: "GET", Path: "/readyz", Least: domain.RoleMetrics, Reach: None},
	{Method: "GET", Path: "/metrics", Least: domain.RoleMetrics},
	{Method: "GET", Path: "/openapi.yaml", Least: domain.RoleView, Reach: None},
	{Method: "GET", Path: "/debug/pprof/", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/debug/pprof/:name", Least: domain.RoleAdmin},

	{Method: "GET", Path: "/api/v1/scrapers", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/scrapers/:name", Least: domain.RoleView, Reach: Named},
	{Method: "PUT", Path: "/api/v1/scrapers/:name", Least: domain.RoleAdmin, Reach: Named},
	{Method: "DELETE", Path: "/api/v1/scrapers/:name", Least: domain.RoleAdmin, Reach: Named},
	{Method: "POST", Path: "/api/v1/scrapers/:name/pause", Least: domain.RoleOperate, Reach: Named},
	{Method: "POST", Path: "/api/v1/scrapers/:name/resume", Least: domain.RoleOperate, Reach: Named},
	{Method: "POST", Path: "/api/v1/scrapers/:name/runs", Least: domain.RoleOperate, Reach: Named},
	{Method: "GET", Path: "/api/v1/runs", Least: domain.RoleView, Reach: Own},
	{Method: "GET", Path: "/api/v1/runs/:id", Least: domain.RoleView, Reach: Own},
	{Method: "POST", Path: "/api/v1/runs/:id/cancel", Least: domain.RoleOperate, Reach: Own},
	{Method: "GET", Path: "/api/v1/lanes", Least: domain.RoleView, Reach: Own},
	{Method: "GET", Path: "/api/v1/outages", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/outages/:id", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/notices", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/notices/:id", Least: domain.RoleView},
	{Method: "POST", Path: "/api/v1/notices/:id/retry", Least: domain.RoleOperate},
	{Method: "POST", Path: "/api/v1/notify/test", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/api/v1/events", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/events/:position", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/events/stream", Least: domain.RoleView, Stream: true},
	{Method: "GET", Path: "/api/v1/watch", Least: domain.RoleView, Stream: true},
	{Method: "POST", Path: "/api/v1/announce", Least: domain.RoleAnnounce, Reach: Own},

	{Method: "POST", Path: "/api/v1/login", Least: Open, Reach: None},
	{Method: "POST", Path: "/api/v1/setup", Least: Open, Reach: None},
	{Method: "POST", Path: "/api/v1/logout", Least: Anyone, Reach: None},
	{Method: "GET", Path: "/api/v1/account", Least: Anyone, Reach: None},
	{Method: "POST", Path: "/api/v1/account/password", Least: domain.RoleView, Reach: None},
	{Method: "GET", Path: "/api/v1/account/sessions", Least: domain.RoleView, Reach: None},
	{Method: "DELETE", Path: "/api/v1/account/sessions/:id", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/account/tokens", Least: domain.RoleView, Reach: None},
	{Method: "DELETE", Path: "/api/v1/account/tokens/:id", Least: domain.RoleView},
	{Method: "GET", Path: "/api/v1/users", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/api/v1/users", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/api/v1/users/:user", Least: domain.RoleAdmin},
	{Method: "DELETE", Path: "/api/v1/users/:user", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/api/v1/users/:user/role", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/api/v1/users/:user/password", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/api/v1/users/:user/disable", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/api/v1/tokens", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/api/v1/tokens", Least: domain.RoleAdmin},
	{Method: "DELETE", Path: "/api/v1/tokens/:id", Least: domain.RoleAdmin},

	{Method: "GET", Path: "/login", Least: Open, Reach: None},
	{Method: "POST", Path: "/login", Least: Open, Reach: None},
	{Method: "GET", Path: "/setup", Least: Open, Reach: None},
	{Method: "POST", Path: "/setup", Least: Open, Reach: None},
	{Method: "POST", Path: "/logout", Least: Anyone, Reach: None},
	{Method: "GET", Path: "/account", Least: domain.RoleView, Reach: None},
	{Method: "POST", Path: "/account/password", Least: domain.RoleView, Reach: None},
	{Method: "POST", Path: "/account/sessions/end", Least: domain.RoleView, Reach: None},
	{Method: "POST", Path: "/account/sessions/:id/end", Least: domain.RoleView, Reach: None},
	{Method: "POST", Path: "/account/tokens", Least: domain.RoleView, Reach: None},
	{Method: "GET", Path: "/account/tokens/:id/revoke", Least: domain.RoleView, Reach: None},
	{Method: "POST", Path: "/account/tokens/:id/revoke", Least: domain.RoleView, Reach: None},
	{Method: "GET", Path: "/people", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/people", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/people/:id/role", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/people/:id/disable", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/people/:id/password", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/people/:id/password", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/people/:id/remove", Least: domain.RoleAdmin},
	{Method: "POST", Path: "/people/:id/remove", Least: domain.RoleAdmin},
	{Method: "GET", Path: "/", Least: domain.RoleView},
	{Method: "GET", Path: "/runs", Least: domain.RoleView},
	{Method: "GET", Path: "/runs/:id", Least: domain.RoleView},
	{Method: "GET", Path: "/runs/:id/cancel", Least: domain.RoleOperate},
	{Method: "GET", Path: "/scrapers/:name/pause", Least: domain.RoleOperate, Reach: Named},
	{Method: "GET", Path: "/scrapers", Least: domain.RoleView},
	{Method: "GET", Path: "/scrapers/:name", Least: domain.RoleView, Reach: Named},
	{Method: "GET", Path: "/search", Least: domain.RoleView},
	{Method: "GET", Path: "/search/hits", Least: domain.RoleView},
	{Method: "GET", Path: "/outages", Least: domain.RoleView},
	{Method: "GET", Path: "/outages/:id", Least: domain.RoleView},
	{Method: "GET", Path: "/events", Least: domain.RoleView},
	{Method: "GET", Path: "/events/:position", Least: domain.RoleView},
	{Method: "GET", Path: "/events/:position/proof.json", Least: domain.RoleView},
	{Method: "GET", Path: "/streams/:name", Least: domain.RoleView},
	{Method: "GET", Path: "/streams/:name/events.ndjson", Least: domain.RoleView},
	{Method: "GET", Path: "/audit", Least: domain.RoleView},
	{Method: "GET", Path: "/projections", Least: domain.RoleView},
	{Method: "GET", Path: "/notices", Least: domain.RoleView},
	{Method: "GET", Path: "/docs", Least: domain.RoleView, Reach: None},
	{Method: "GET", Path: "/docs/*", Least: domain.RoleView, Reach: None},
	{Method: "GET", Path: "/live", Least: domain.RoleView, Stream: true},
	{Method: "POST", Path: "/runs/:id/cancel", Least: domain.RoleOperate},
	{Method: "POST", Path: "/scrapers", Least: domain.RoleOperate},
	{Method: "POST", Path: "/scrapers/:name/runs", Least: domain.RoleOperate, Reach: Named},
	{Method: "POST", Path: "/scrapers/:name/pause", Least: domain.RoleOperate, Reach: Named},
	{Method: "POST", Path: "/scrapers/:name/resume", Least: domain.RoleOperate, Reach: Named},
	{Method: "POST", Path: "/scrapers/:name/probe", Least: domain.RoleOperate, Reach: Named},
	{Method: "POST", Path: "/audit/verify", Least: domain.RoleOperate, PerMinute: true},
	{Method: "POST", Path: "/audit/replay", Least: domain.RoleOperate, PerMinute: true},
	{Method: "POST", Path: "/projections/:name/rebuild", Least: domain.RoleAdmin},
}

// unlisted is the row of paths without a route: who is not logged in is not told which
// there are.
var unlisted = Row{Least: domain.RoleView, Reach: None}

var rows = func() map[string]Row {
	rows := map[string]Row{}
	for _, r := range Table {
		rows[r.Method+" "+r.Path] = r
	}
	return rows
}()

// rowOf returns the row of a request's route.
func rowOf(c echo.Context) Row {
	method := c.Request().Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if row, ok := rows[method+" "+c.Path()]; ok {
		return row
	}
	return unlisted
}

// May reports whether the principal of a context may use a route. A page leaves out the
// buttons of those it may not.
func May(ctx context.Context, method, path string) bool {
	row, ok := rows[method+" "+path]
	p := From(ctx)
	return ok && (row.Least == Open || row.Least == Anyone && p.Kind != KindNone || p.Allows(row.Least))
}

// Check returns an error that names the routes of e without a row.
func Check(e *echo.Echo) error {
	var missing []string
	for _, r := range e.Routes() {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if _, ok := rows[method+" "+r.Path]; !ok && method != echo.RouteNotFound {
			missing = append(missing, method+" "+r.Path)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("no row of access.Table says who may use %s", strings.Join(slices.Compact(missing), ", "))
}

// Markdown is the table for /docs/access.
func Markdown() string {
	reaches := map[Reach]string{Whole: "no", Named: "its scrapers", Own: "its scrapers", None: "yes"}
	var b strings.Builder
	b.WriteString("| route | needs | token limited to scrapers |\n|---|---|---|\n")
	for _, r := range Table {
		needs := string(r.Least)
		if r.PerMinute {
			needs += ", once a minute"
		}
		fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", r.Method, r.Path, needs, reaches[r.Reach])
	}
	return b.String()
}
