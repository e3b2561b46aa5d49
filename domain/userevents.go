package domain

import (
	"time"

	"github.com/google/uuid"
)

// UserEvent is an event of a user. It holds what a user may do, and no name, address or
// hash: the log cannot forget.
//
//sumtype:decl
type UserEvent interface {
	Event
	isUserEvent()
}

// AboutUser holds the fields that every event of a user has.
type AboutUser struct {
	UserID uuid.UUID `json:"user_id"` // the user, or the owner of the token
	By     string    `json:"by"`      // the actor: "user:<uuid>", "token:<id>", "cli", "setup"
	At     time.Time `json:"at"`      // when it happened
}

// UserStream names the stream of a user.
func UserStream(id uuid.UUID) string { return "user-" + id.String() }

// Stream implements Event.
func (a AboutUser) Stream() string { return UserStream(a.UserID) }

// ScraperName implements Event.
func (AboutUser) ScraperName() string { return "" }

// Run implements Event.
func (AboutUser) Run() uuid.UUID { return uuid.Nil }

// OccurredAt implements Event.
func (a AboutUser) OccurredAt() time.Time { return a.At }

func (AboutUser) isEvent()     {}
func (AboutUser) isUserEvent() {}

// UserAdded lets a user log in.
type UserAdded struct {
	AboutUser
	Role Role `json:"role"` // what the user may do
}

// UserRoleChanged gives a user another role, and ends their being disabled.
type UserRoleChanged struct {
	AboutUser
	Role Role `json:"role"` // the new role
}

// UserDisabled keeps a user and their tokens out.
type UserDisabled struct{ AboutUser }

// UserRemoved ends a user and their tokens for good.
type UserRemoved struct{ AboutUser }

// UserPasswordChanged records that a user has a new password.
type UserPasswordChanged struct{ AboutUser }

// TokenIssued gives a user a token.
type TokenIssued struct {
	AboutUser
	TokenID   string    `json:"token_id"`           // the public part of the token
	Role      Role      `json:"role"`               // what the token may do, at most what its owner may
	Scrapers  string    `json:"scrapers,omitempty"` // a glob; empty: every scraper
	ExpiresAt time.Time `json:"expires_at"`         // from then on it is refused
}

// TokenRevoked ends a token.
type TokenRevoked struct {
	AboutUser
	TokenID string `json:"token_id"` // the public part of the token
}

// The wire names, as frozen as those of runs and scrapers.

func (UserAdded) EventType() string           { return "user.added" }
func (UserRoleChanged) EventType() string     { return "user.role_changed" }
func (UserDisabled) EventType() string        { return "user.disabled" }
func (UserRemoved) EventType() string         { return "user.removed" }
func (UserPasswordChanged) EventType() string { return "user.password_changed" }
func (TokenIssued) EventType() string         { return "token.issued" }
func (TokenRevoked) EventType() string        { return "token.revoked" }
