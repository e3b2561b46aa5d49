package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Session is a login of a browser.
type Session struct {
	ID        string    `json:"id"` // hash of the token in the cookie
	User      uuid.UUID `json:"user_id"`
	Epoch     int64     `json:"epoch"` // of the user at the login
	Agent     string    `json:"agent"` // the browser, as it names itself
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
	ExpiresAt time.Time `json:"expires_at"` // unless it is seen again
	Deadline  time.Time `json:"deadline"`   // and then at the latest
}

const (
	sessionColumns = `s.id, s."user", s.epoch, s.agent, s.created_at, s.seen_at, s.expires_at, s.deadline`
	// A session has ended with its time, and with a change of its user's password or role.
	liveSessions = ` FROM sessions AS s JOIN users AS u ON u.id = s."user" AND u.epoch = s.epoch WHERE s.expires_at > $1`
	sessionsOf   = `SELECT ` + sessionColumns + liveSessions + ` AND s."user" = $2 ORDER BY s.seen_at DESC, s.id`
	sessionByID  = `SELECT ` + sessionColumns + liveSessions + ` AND s.id = $2`
	addSession   = `INSERT INTO sessions (id, "user", epoch, agent, created_at, seen_at, expires_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
)

func scanSession(row eventstore.Scanner) (x Session, err error) {
	return x, row.Scan(&x.ID, &x.User, &x.Epoch, &x.Agent, eventstore.Micros{To: &x.CreatedAt}, eventstore.Micros{To: &x.SeenAt},
		eventstore.Micros{To: &x.ExpiresAt}, eventstore.Micros{To: &x.Deadline})
}

// Sessions lists the sessions of a user that have not ended, the last seen first.
func (s *Store) Sessions(ctx context.Context, user uuid.UUID) ([]Session, error) {
	return eventstore.Select(ctx, s.log.From(ctx), "sessions", scanSession, sessionsOf, s.now().UnixMicro(), user.String())
}

// Session returns a session that has not ended, or domain.ErrNotFound.
func (s *Store) Session(ctx context.Context, id string) (Session, error) {
	return eventstore.SelectOne(ctx, s.log.From(ctx), "session", scanSession, sessionByID, s.now().UnixMicro(), id)
}

// EndSession ends a session of a user. The id may be its first characters, at least 6.
func (s *Store) EndSession(ctx context.Context, user uuid.UUID, id string) error {
	if len(id) < 6 {
		return &domain.FieldError{Field: "id", Problem: fmt.Sprintf("%.80q is too short", id), Want: "use 6 characters or more"}
	}
	sessions, err := s.Sessions(ctx, user)
	if err != nil {
		return err
	}
	for _, x := range sessions {
		if len(id) <= len(x.ID) && x.ID[:len(id)] == id {
			return s.DeleteCtx(ctx, x.ID)
		}
	}
	return fmt.Errorf("session %.80q: %w", id, domain.ErrNotFound)
}

// EndOtherSessions ends the sessions of a user beside one.
func (s *Store) EndOtherSessions(ctx context.Context, user uuid.UUID, but string) error {
	return s.exec(ctx, "end sessions", `DELETE FROM sessions WHERE "user" = $1 AND id <> $2`, user.String(), but)
}

// Seen keeps a session from expiring for as long as it may be idle.
func (s *Store) Seen(ctx context.Context, x Session, idle time.Duration) error {
	now := s.now()
	expires := now.Add(idle)
	if expires.After(x.Deadline) {
		expires = x.Deadline
	}
	return s.exec(ctx, "session seen", `UPDATE sessions SET seen_at = $1, expires_at = $2 WHERE id = $3`, now.UnixMicro(), expires.UnixMicro(), x.ID)
}

// Forget removes sessions that have ended and, after a month, tokens that have.
func (s *Store) Forget(ctx context.Context) error {
	now := s.now()
	if err := s.exec(ctx, "forget sessions", `DELETE FROM sessions WHERE expires_at < $1`, now.UnixMicro()); err != nil {
		return err
	}
	return s.exec(ctx, "forget tokens", `DELETE FROM tokens WHERE coalesce(revoked_at, expires_at) < $1`, now.AddDate(0, -1, 0).UnixMicro())
}

// The methods below make a Store the session store of github.com/alexedwards/scs, which
// hashes the token of the cookie before it asks. Data is a Session as JSON.

// FindCtx returns a session that has not ended.
func (s *Store) FindCtx(ctx context.Context, id string) (data []byte, found bool, err error) {
	x, err := s.Session(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	data, err = json.Marshal(x)
	return data, err == nil, err
}

// CommitCtx keeps a new session.
func (s *Store) CommitCtx(ctx context.Context, id string, data []byte, expiry time.Time) error {
	var x Session
	if err := json.Unmarshal(data, &x); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	now := s.now().UnixMicro()
	return s.exec(ctx, "keep session", addSession, id, x.User.String(), x.Epoch, x.Agent, now, now, expiry.UnixMicro(), x.Deadline.UnixMicro())
}

// DeleteCtx ends a session.
func (s *Store) DeleteCtx(ctx context.Context, id string) error {
	return s.exec(ctx, "end session", `DELETE FROM sessions WHERE id = $1`, id)
}

// Find is FindCtx.
func (s *Store) Find(id string) ([]byte, bool, error) { return s.FindCtx(context.Background(), id) }

// Commit is CommitCtx.
func (s *Store) Commit(id string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), id, data, expiry)
}

// Delete is DeleteCtx.
func (s *Store) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }
