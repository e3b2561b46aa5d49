package gate

import (
	"strings"

	"github.com/labstack/echo/v4"
)

// Path routes a request by its decoded path, so that /scrapers/my%2Dshop is
// /scrapers/my-shop. A path with an encoded slash stays as it was written: decoded, it
// would name another route. Register it before the router.
func Path(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if u := c.Request().URL; !strings.Contains(strings.ToLower(u.RawPath), "%2f") {
			u.RawPath = ""
		}
		return next(c)
	}
}
