package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// TokenRights is what the log knows of a token. The zero value is one that was never
// issued.
type TokenRights struct {
	Role      Role
	Scrapers  string // a glob; empty: every scraper
	ExpiresAt time.Time
	Revoked   bool
}

// Evolve returns the rights of the token with the given id after e.
func (r TokenRights) Evolve(id string, e UserEvent) TokenRights {
	switch e := e.(type) {
	case TokenIssued:
		if e.TokenID == id {
			return TokenRights{Role: e.Role, Scrapers: e.Scrapers, ExpiresAt: e.ExpiresAt}
		}
	case TokenRevoked:
		r.Revoked = r.Revoked || e.TokenID == id
	case UserRemoved:
		r.Revoked = true
	case UserAdded, UserRoleChanged, UserDisabled, UserPasswordChanged:
	}
	return r
}

// Allows reports whether r may do what wants least at the least. Operate covers
// announce, and view covers metrics.
func (r Role) Allows(least Role) bool {
	have := slices.Index(UserRoles[:], r)
	switch least {
	case RoleAnnounce:
		return r == RoleAnnounce || have >= slices.Index(UserRoles[:], RoleOperate)
	case RoleMetrics:
		return r == RoleMetrics || have >= 0
	case RoleView, RoleOperate, RoleAdmin:
		return have >= slices.Index(UserRoles[:], least)
	}
	return false
}

// LimitedTo returns the role of a token whose user has the role of: no more than that.
func (r Role) LimitedTo(of Role) Role {
	switch {
	case of.Allows(r):
		return r
	case slices.Contains(UserRoles[:], r):
		return of
	}
	return "" // announce and metrics are no more and no less than a user's role
}

// CheckUser returns a *FieldError for a field that holds r, unless a user can have it.
func (r Role) CheckUser(field string) error { return r.check(field, UserRoles[:]) }

// CheckToken returns a *FieldError for a field that holds r, unless a token can have it.
func (r Role) CheckToken(field string) error { return r.check(field, TokenRoles[:]) }

func (r Role) check(field string, roles []Role) error {
	if slices.Contains(roles, r) {
		return nil
	}
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	last := len(names) - 1
	return &FieldError{field, fmt.Sprintf("%.40q is not a role", r), "use " + strings.Join(names[:last], ", ") + " or " + names[last]}
}
