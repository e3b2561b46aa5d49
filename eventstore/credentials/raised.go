package credentials

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Raised is a user whose rows give more than the log does: someone edited them.
type Raised struct {
	User uuid.UUID `json:"user_id"`
	Says string    `json:"says"`
}

// lockedOut says what a finding leads to and what to do. Neither it nor the finding has
// a name: the service's own log keeps what it says.
const lockedOut = "%s; someone edited the table, so the user and their tokens are locked out: run \"scrapelog %s\""

// Raised compares users and tokens with the log, and returns those that have more
// rights than the log gives them.
func (s *Store) Raised(ctx context.Context) (found []Raised, err error) {
	users, err := s.Users(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := s.Tokens(ctx, uuid.Nil)
	if err != nil {
		return nil, err
	}
	of := map[uuid.UUID][]Token{}
	for _, t := range tokens {
		of[t.User] = append(of[t.User], t)
	}
	for _, u := range users {
		says, err := s.RaisedOf(ctx, u, of[u.ID]...)
		if err != nil {
			return nil, err
		}
		if says != "" {
			found = append(found, Raised{u.ID, "user " + domain.ShortID(u.ID) + " " + says})
		}
	}
	return found, nil
}

// RaisedOf says in what the rows of a user and of tokens, as they were read, give more
// than the log; empty: in nothing. A token that is zero is none.
func (s *Store) RaisedOf(ctx context.Context, u User, tokens ...Token) (string, error) {
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(t Token) bool { return t.ID == "" })
	says, err := s.raised(ctx, u, tokens)
	if err != nil || says == "" {
		return says, err
	}
	now, err := s.ByID(ctx, u.ID) // rights may have been taken away since the rows were read
	if errors.Is(err, domain.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for i, t := range tokens {
		switch tokens[i], err = s.Token(ctx, t.ID); {
		case errors.Is(err, domain.ErrNotFound):
			tokens[i] = Token{RevokedAt: s.now()} // it gives nothing
		case err != nil:
			return "", err
		}
	}
	return s.raised(ctx, now, tokens)
}

// raised says in what the rows of a user give more than the log; empty: in nothing.
func (s *Store) raised(ctx context.Context, u User, tokens []Token) (says string, err error) {
	var logged domain.User
	rights := make([]domain.TokenRights, len(tokens))
	err = s.events(ctx, u.ID, func(e domain.UserEvent) {
		logged = logged.Evolve(e)
		for i, t := range tokens {
			rights[i] = rights[i].Evolve(t.ID, e)
		}
	})
	switch {
	case err != nil:
		return "", err
	case !logged.Known():
		return fmt.Sprintf(lockedOut, "is in the table of users, and the log has no such user", "users remove NAME"), nil
	case !logged.Role.Allows(u.Role):
		return fmt.Sprintf(lockedOut, fmt.Sprintf("is %s in the table and %s in the log", u.Role, logged.Role), "users role NAME ROLE"), nil
	case logged.Disabled && !u.Disabled:
		return fmt.Sprintf(lockedOut, "is disabled in the log and not in the table", "users role NAME ROLE"), nil
	}
	for i, t := range tokens {
		if why := raisedToken(t, rights[i]); why != "" {
			return fmt.Sprintf(lockedOut, "has the token "+t.ID+", which "+why, "tokens revoke "+t.ID), nil
		}
	}
	return "", nil
}

func raisedToken(t Token, logged domain.TokenRights) string {
	switch {
	case !t.RevokedAt.IsZero(): // gives nothing
	case logged.Role == "":
		return "is in the table of tokens, and the log has no such token"
	case logged.Role != t.Role:
		return fmt.Sprintf("is %s in the table and %s in the log", t.Role, logged.Role)
	case logged.Scrapers != t.Scrapers:
		return fmt.Sprintf("reaches other scrapers in the table (%q) than in the log (%q)", t.Scrapers, logged.Scrapers)
	case t.ExpiresAt.After(logged.ExpiresAt):
		return "expires later in the table than in the log, on " + logged.ExpiresAt.Format(time.DateOnly)
	case logged.Revoked:
		return "is revoked in the log and not in the table"
	}
	return ""
}
