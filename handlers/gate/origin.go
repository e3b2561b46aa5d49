package gate

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"scrapelog/handlers/problem"
)

// strict is for a year. It names no subdomains: other services may be there.
const strict = "max-age=31536000"

// Headers keeps pages and answers from being framed, sniffed and read by other sites. A
// browser that has come over HTTPS is told to stay with it, but for the names of loopback,
// which belong to every service of a machine.
func Headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		header.Set(echo.HeaderXFrameOptions, "DENY")
		header.Set(echo.HeaderReferrerPolicy, "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r := c.Request(); HTTPS(r) && !Loopback(hostname(r.Host)) {
			header.Set(echo.HeaderStrictTransportSecurity, strict)
		}
		return next(c)
	}
}

// SameOrigin refuses writes that a browser makes for a foreign page. It asks
// Check rather than wrapping the handler, which would put a second
// echo.Response, whose Flush hides write errors, beneath every stream.
func SameOrigin(protection *http.CrossOriginProtection) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return problem.New(problem.Forbidden, err.Error())
			}
			return next(c)
		}
	}
}

// OwnReads refuses a GET that a browser makes for a page of another origin, unless the
// user follows a link. Such a page could not read the answer, but it could hold a
// stream open in the user's name.
func OwnReads(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && foreign(r) {
			return problem.New(problem.Forbidden, "the request comes from a page of another origin")
		}
		return next(c)
	}
}

func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "": // an older browser, or none
		origin, err := url.Parse(r.Header.Get("Origin"))
		return err != nil || r.Header.Get("Origin") != "" && origin.Host != r.Host
	}
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || dest != "" && dest != "document"
}

// JSON refuses a body that its Content-Type does not call JSON. A form and
// text/plain are what a browser sends for a foreign page without asking first.
func JSON(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		given := r.Header.Get(echo.HeaderContentType)
		if media, _, err := mime.ParseMediaType(given); r.ContentLength == 0 || err == nil && media == echo.MIMEApplicationJSON {
			return next(c)
		}
		return problem.New(problem.WrongType, fmt.Sprintf("Content-Type %.80q is not JSON; send Content-Type: application/json", given))
	}
}
