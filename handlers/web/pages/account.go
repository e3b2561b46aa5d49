package pages

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/access"
)

// Login is the form of a login.
type Login struct {
	Says   string // why the last try failed
	Name   string // of the last try
	Next   string // the local path to go on at
	Needed bool   // a page or a form turned out to need it
}

// Setup is the form of the first admin.
type Setup struct {
	Token string // of the setup link
	Name  string
	Says  string
}

// Account is what people see of their own login.
type Account struct {
	access.Principal
	Sessions []credentials.Session
	Tokens   []credentials.Token // newest first
	Issued   string              // the text of a token that was made just now
}

// usable are the tokens that still let a program in.
func (a Account) usable(now time.Time) []credentials.Token {
	return slices.DeleteFunc(slices.Clone(a.Tokens), func(t credentials.Token) bool { return !t.RevokedAt.IsZero() || !now.Before(t.ExpiresAt) })
}

// roles are the roles that a token of the user may have, the least first.
func (a Account) roles() []domain.Role {
	return slices.DeleteFunc(slices.Clone(domain.TokenRoles[:]), func(r domain.Role) bool { return !a.Role.Allows(r) })
}

// tokenLives are the choices of how long a token is valid.
var tokenLives = []struct{ value, name string }{{"30d", "30 days"}, {"90d", "90 days"}, {"365d", "a year"}}

// People is the list of the users, for admins.
type People struct {
	Users   []credentials.User
	Removed []RemovedUser // the last ones
	Self    uuid.UUID     // the admin who looks; uuid.Nil: there are no users
	Locked  []string      // what is wrong with the rows of users who are kept out
}

// RemovedUser is what is left of a user: the id that events bear.
type RemovedUser struct {
	ID       uuid.UUID
	At       time.Time
	Position int64 // of the event that removed them
}

// AskRevoke asks before a token is revoked.
func AskRevoke(t credentials.Token) Ask {
	return Ask{
		Title: "Revoke the token " + clean(t.Name) + "?", Action: tokenURL(t.ID), Back: "/account", Do: "Revoke", Keep: "Keep it", Ends: true,
		Text: "Programs that use it are refused at once, and their streams end. It cannot be undone.",
	}
}

// AskPassword asks for a new password of a user.
func AskPassword(u credentials.User) Ask {
	return Ask{
		Title: "New password for " + clean(u.Name), Action: personURL(u.ID, "password"), Back: "/people", Do: "Set the password", Keep: "Keep the old one",
		Text: "Their sessions end. Tell them the new password, and let them change it under Account.",
	}
}

// AskRemovePerson asks before a user is removed.
func AskRemovePerson(u credentials.User) Ask {
	return Ask{
		Title: "Remove " + clean(u.Name) + "?", Action: personURL(u.ID, "remove"), Back: "/people", Do: "Remove", Keep: "Keep them", Ends: true,
		Text: "Their sessions and tokens end, and their name is erased. The log keeps what they did under an id. It cannot be undone; disable them to keep them out for a while.",
	}
}

// may reports whether the viewer of a page may send a form to a route of pages.
func may(ctx context.Context, path string) bool { return access.May(ctx, "POST", path) }

// viewer is who looks at a page.
func viewer(ctx context.Context) access.Principal { return access.From(ctx) }

// browsers are the names in what browsers send as User-Agent, the most special first:
// nearly all of them name Chrome and Safari too.
var browsers = []string{"Edg", "OPR", "Firefox", "HeadlessChrome", "Chrome", "Safari", "curl"}

var systems = []string{"Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"}

// browser tells in two words which browser a session is of.
func browser(agent string) string {
	in := func(names []string) string {
		for _, name := range names {
			if strings.Contains(agent, name) {
				return name
			}
		}
		return ""
	}
	name := map[string]string{"Edg": "Edge", "OPR": "Opera", "HeadlessChrome": "Chrome"}
	found := in(browsers)
	switch found, system := cmp.Or(name[found], found), in(systems); {
	case agent == "":
		return "unknown"
	case found == "":
		return clean(domain.Shorten(agent, 40))
	case system == "":
		return found
	default:
		return found + " on " + strings.TrimSuffix(system, " OS")
	}
}
