// Package access says who makes a request and whether they may: it finds the user or
// the token behind it, holds it against the table of routes and roles, and ends the
// streams of those who may no longer.
package access

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
)

// Kind is how a principal is known.
type Kind string

// The kinds of principals.
const (
	KindNone  Kind = "none"  // nobody is logged in: routes that are open see it
	KindLocal Kind = "local" // there are no users, so everybody is an admin
	KindUser  Kind = "user"  // by a session
	KindToken Kind = "token" // by a token
)

// Principal is who makes a request.
type Principal struct {
	Kind     Kind
	User     uuid.UUID   // uuid.Nil unless a user or a token of one
	Name     string      // of the user, for people
	Token    string      // id; of a token only
	Session  string      // id; of a user only
	Role     domain.Role // of a token: no more than its user's
	Scrapers string      // glob of the scrapers that a token reaches; empty: all
}

// Local is the principal of every request while there are no users.
var Local = Principal{Kind: KindLocal, Role: domain.RoleAdmin}

type principalKey struct{}

// With returns ctx with a principal.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns the principal of a request, from its context. It is [Local] where no
// middleware of this package is installed.
func From(ctx context.Context) Principal {
	if p, ok := ctx.Value(principalKey{}).(Principal); ok {
		return p
	}
	return Local
}

// Actor returns the principal as the log names it: "user:<uuid>" or "token:<id>", and
// otherwise for a principal without an id.
func (p Principal) Actor(otherwise string) string {
	switch p.Kind {
	case KindUser:
		return "user:" + p.User.String()
	case KindToken:
		return "token:" + p.Token
	case KindNone, KindLocal:
	}
	return otherwise
}

// Allows reports whether the principal may do what wants least at the least.
func (p Principal) Allows(least domain.Role) bool { return p.Role.Allows(least) }

// Reaches reports whether the principal may see and act on a scraper.
func (p Principal) Reaches(scraper string) bool { return domain.InGlob(p.Scrapers, scraper) }

// Limited reports whether the principal reaches some scrapers only.
func (p Principal) Limited() bool { return p.Scrapers != "" }

// Masked reports whether params and the names of headers are kept from the principal.
func (p Principal) Masked() bool { return !p.Allows(domain.RoleOperate) }

// Masked reports whether they are kept from the principal of a context.
func Masked(ctx context.Context) bool { return From(ctx).Masked() }

// Unknown is a middleware for what is answered before [Access.Guard] has found the
// principal, such as a refusal of the Host.
func Unknown(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.SetRequest(c.Request().WithContext(With(c.Request().Context(), anonymous)))
		return next(c)
	}
}

// ShortSession returns the first characters of the session's id, to tell sessions
// apart.
func (p Principal) ShortSession() string { return p.Session[:min(8, len(p.Session))] }

// key names the login or token, for limits and for streams.
func (p Principal) key() string {
	return string(p.Kind) + " " + cmp.Or(p.Session, p.Token)
}

// what names the principal in a refusal: "your token is view".
func (p Principal) what() string {
	if p.Kind == KindToken {
		return "your token is " + string(p.Role)
	}
	return "you are " + string(p.Role)
}
