package domain

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// User is what the log knows of a person who may log in. The name and the password are
// not in the log, because it cannot forget. The zero value is a user who was never added.
type User struct {
	ID       uuid.UUID
	Role     Role
	Disabled bool // until they are given a role again
	Removed  bool
}

// Known reports whether the user was added and not removed.
func (u User) Known() bool { return u.ID != uuid.Nil && !u.Removed }

// Evolve returns the user after e. It never refuses.
func (u User) Evolve(e UserEvent) User {
	switch e := e.(type) {
	case UserAdded:
		u = User{ID: e.UserID, Role: e.Role}
	case UserRoleChanged:
		u.Role, u.Disabled = e.Role, false
	case UserDisabled:
		u.Disabled = true
	case UserRemoved:
		u.Removed = true
	case UserPasswordChanged, TokenIssued, TokenRevoked: // change no right of the user
	}
	return u
}

// Decide returns the events that answer the command c at the time at. No events and no
// error mean that what c asks for is already so.
func (u User) Decide(c UserCommand, at time.Time) ([]Event, error) {
	add, adds := c.(AddUser)
	if !adds && !u.Known() {
		return nil, fmt.Errorf("user %s: %w", c.User(), ErrNotFound)
	}
	switch c := c.(type) {
	case AddUser:
		return u.add(add, at)
	case SetRole:
		return u.setRole(c, at)
	case DisableUser:
		return u.disable(c, at)
	case RemoveUser:
		return u.remove(c, at)
	case ChangePassword:
		return []Event{UserPasswordChanged{c.about(at)}}, nil
	case IssueToken:
		return u.issue(c, at)
	case RevokeToken:
		if c.Revoked {
			return nil, nil
		}
		return []Event{TokenRevoked{AboutUser: c.about(at), TokenID: c.TokenID}}, nil
	}
	return nil, fmt.Errorf("%w: %T is not a command of a user", ErrInvalid, c)
}

func (u User) add(c AddUser, at time.Time) ([]Event, error) {
	if err := c.Role.CheckUser("role"); err != nil {
		return nil, err
	}
	switch {
	case u.ID != uuid.Nil:
		return nil, fmt.Errorf("user %s was added before: %w", u.ID, ErrConflict)
	case c.Others.Users == 0 && c.Role != RoleAdmin:
		return nil, &FieldError{"role", fmt.Sprintf("%q cannot be the role of the first user", c.Role), "add an admin first: from then on every request needs a login"}
	}
	return []Event{UserAdded{AboutUser: c.about(at), Role: c.Role}}, nil
}

func (u User) setRole(c SetRole, at time.Time) ([]Event, error) {
	if err := c.Role.CheckUser("role"); err != nil {
		return nil, err
	}
	switch {
	case u.Role == c.Role && !u.Disabled:
		return nil, nil
	case c.Role != RoleAdmin && u.lastAdmin(c.Others):
		return nil, errLastAdmin
	}
	return []Event{UserRoleChanged{AboutUser: c.about(at), Role: c.Role}}, nil
}

func (u User) disable(c DisableUser, at time.Time) ([]Event, error) {
	switch {
	case u.Disabled:
		return nil, nil
	case u.lastAdmin(c.Others):
		return nil, errLastAdmin
	}
	return []Event{UserDisabled{c.about(at)}}, nil
}

// remove lets the last admin be removed who is the last user: without users there is
// no login.
func (u User) remove(c RemoveUser, at time.Time) ([]Event, error) {
	if c.Others.Users > 0 && u.lastAdmin(c.Others) {
		return nil, errLastAdmin
	}
	return []Event{UserRemoved{c.about(at)}}, nil
}

func (u User) lastAdmin(others Others) bool {
	return u.Role == RoleAdmin && !u.Disabled && others.Admins == 0
}

var errLastAdmin = fmt.Errorf("this is the last admin who can log in; make another user an admin first: %w", ErrConflict)

// MaxTokenLife is how long a token can be valid.
const MaxTokenLife = 365 * 24 * time.Hour

func (u User) issue(c IssueToken, at time.Time) ([]Event, error) {
	if err := c.Role.CheckToken("role"); err != nil {
		return nil, err
	}
	if err := CheckGlob("scrapers", c.Scrapers); err != nil {
		return nil, err
	}
	switch life := c.ExpiresAt.Sub(at); {
	case u.Disabled:
		return nil, fmt.Errorf("the user is disabled: %w", ErrConflict)
	case c.Role.LimitedTo(u.Role) != c.Role:
		return nil, &FieldError{"role", fmt.Sprintf("%q is more than the user may, who is %s", c.Role, u.Role), "use " + string(u.Role) + " or less"}
	case life <= 0 || life > MaxTokenLife:
		return nil, &FieldError{"expires", "is not within a year", "use at most 365d"}
	}
	return []Event{TokenIssued{AboutUser: c.about(at), TokenID: c.TokenID, Role: c.Role, Scrapers: c.Scrapers, ExpiresAt: c.ExpiresAt}}, nil
}

var userNameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// CheckUserName refuses a name that cannot be that of a user or a token.
func CheckUserName(field, name string) error {
	if userNameRule.MatchString(name) {
		return nil
	}
	return &FieldError{field, fmt.Sprintf("%.80q is not a name", name), "use 1 to 64 of A-Z, a-z, 0-9 and . _ @ + -, a letter or a digit first"}
}

// The bounds of a password, in bytes.
const (
	MinPassword = 12
	MaxPassword = 256
)

// CheckPassword refuses a password that is too short or too long. The error does not
// repeat it.
func CheckPassword(field, password string) error {
	if n := len(password); n < MinPassword || n > MaxPassword {
		return &FieldError{field, fmt.Sprintf("has %d bytes", n), fmt.Sprintf("use %d to %d", MinPassword, MaxPassword)}
	}
	return nil
}

// CheckGlob refuses a glob of scraper names that no name can match or that is too long.
func CheckGlob(field, glob string) error {
	if _, err := path.Match(glob, ""); err != nil || !Line(glob) {
		return &FieldError{field, fmt.Sprintf("%.80q is not a glob", glob), `use a name with * and ?, such as "shop-*"`}
	}
	return nil
}

// InGlob reports whether a scraper's name matches a glob; an empty one matches all.
func InGlob(glob, scraper string) bool {
	matched, err := path.Match(glob, scraper)
	return glob == "" || matched && err == nil
}

// ParseLife reads how long a token is to be valid: "90d", or a duration such as "12h".
func ParseLife(field, text string) (time.Duration, error) {
	var life Duration
	err := life.UnmarshalText([]byte(text))
	if days, whole := strings.CutSuffix(text, "d"); whole {
		var n int
		n, err = strconv.Atoi(days)
		life = Duration(time.Duration(min(n, 1000)) * 24 * time.Hour)
	}
	if err != nil || life <= 0 || time.Duration(life) > MaxTokenLife {
		return 0, &FieldError{field, fmt.Sprintf("%.40q is not within a year", text), "use 1h to 365d, such as 90d"}
	}
	return time.Duration(life), nil
}
