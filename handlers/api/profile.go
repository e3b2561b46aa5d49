package api

import (
	"net/http/pprof"
	runtime "runtime/pprof"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/access"
)

// profile answers with a profile of this process, for go tool pprof. While no login is
// needed there is none. The command line is never given: it may hold a password.
func profile(c echo.Context) error {
	w, r, name := c.Response(), c.Request(), c.Param("name")
	w.Header().Set("Cache-Control", "private, no-store")
	switch {
	case access.From(r.Context()).Kind == access.KindLocal:
		return echo.ErrNotFound
	case name == "":
		pprof.Index(w, r)
	case name == "profile":
		pprof.Profile(w, r)
	case name == "trace":
		pprof.Trace(w, r)
	case runtime.Lookup(name) == nil:
		return echo.ErrNotFound
	default:
		pprof.Handler(name).ServeHTTP(w, r)
	}
	return nil
}
