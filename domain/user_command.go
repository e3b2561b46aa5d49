package domain

import (
	"time"

	"github.com/google/uuid"
)

// UserCommand is a request about one user.
//
//sumtype:decl
type UserCommand interface {
	User() uuid.UUID
	isUserCommand()
}

// ToUser holds the fields that every command to a user has.
type ToUser struct {
	UserID uuid.UUID
	By     string // the actor
}

// User implements UserCommand.
func (t ToUser) User() uuid.UUID { return t.UserID }

func (t ToUser) about(at time.Time) AboutUser { return AboutUser{UserID: t.UserID, By: t.By, At: at} }

// Others is what is known of the other users when a command is decided.
type Others struct {
	Users  int // who were not removed
	Admins int // of these, who can log in
}

// AddUser adds a user.
type AddUser struct {
	ToUser
	Role   Role
	Others Others
}

// SetRole gives a user a role. A user who was disabled can log in again.
type SetRole struct {
	ToUser
	Role   Role
	Others Others
}

// DisableUser keeps a user out until they are given a role again.
type DisableUser struct {
	ToUser
	Others Others
}

// RemoveUser removes a user for good. The events keep their id.
type RemoveUser struct {
	ToUser
	Others Others
}

// ChangePassword records that a user has a new password.
type ChangePassword struct{ ToUser }

// IssueToken gives a user a token.
type IssueToken struct {
	ToUser
	TokenID   string
	Role      Role
	Scrapers  string // a glob; empty: every scraper
	ExpiresAt time.Time
}

// RevokeToken ends a token.
type RevokeToken struct {
	ToUser
	TokenID string
	Revoked bool // it was revoked before
}

func (AddUser) isUserCommand()        {}
func (SetRole) isUserCommand()        {}
func (DisableUser) isUserCommand()    {}
func (RemoveUser) isUserCommand()     {}
func (ChangePassword) isUserCommand() {}
func (IssueToken) isUserCommand()     {}
func (RevokeToken) isUserCommand()    {}
