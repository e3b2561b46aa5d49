// Package credentials keeps users, their sessions and their tokens: names, hashes and
// times in tables that can forget, and what each may do in the log, which cannot. A
// change of rights writes its rows and its event in one transaction.
//
// The log decides. A row that gives more than the log does was edited by someone else:
// [Store.Raised] finds it.
package credentials

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Store keeps the credentials of a log.
type Store struct {
	log      *eventstore.Store
	instance string // in the metadata of events; empty: a command without a server
	now      func() time.Time
}

// New returns the credentials of a log. The instance is the one that the events name;
// it may be empty.
func New(log *eventstore.Store, instance string) *Store {
	return &Store{log: log, instance: instance, now: time.Now}
}

// User is a person who may log in.
type User struct {
	ID       uuid.UUID   `json:"id"`
	Name     string      `json:"name"`
	Role     domain.Role `json:"role"`
	Disabled bool        `json:"disabled,omitempty"`
	Epoch    int64       `json:"-"` // sessions of another epoch have ended
	hash     string
}

const (
	userColumns = `id, name, role, hash, epoch, disabled`
	allUsers    = `SELECT ` + userColumns + ` FROM users ORDER BY lower(name)`
	userByName  = `SELECT ` + userColumns + ` FROM users WHERE lower(name) = lower($1)`
	userByID    = `SELECT ` + userColumns + ` FROM users WHERE id = $1`
)

func scanUser(row eventstore.Scanner) (u User, err error) {
	return u, row.Scan(&u.ID, &u.Name, &u.Role, &u.hash, &u.Epoch, &u.Disabled)
}

// Users lists the users by name.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	return eventstore.Select(ctx, s.log.From(ctx), "users", scanUser, allUsers)
}

// Names returns the names of actors for people: "ada" of a user, "ada (token ci)" of a
// token. It has none of a user who was removed. It is empty while there are no users.
func (s *Store) Names(ctx context.Context) (map[string]string, error) {
	names := map[string]string{}
	users, err := s.Users(ctx)
	if err != nil || len(users) == 0 {
		return names, err
	}
	for _, u := range users {
		names["user:"+u.ID.String()] = u.Name
	}
	tokens, err := s.Tokens(ctx, uuid.Nil)
	for _, t := range tokens {
		names["token:"+t.ID] = names["user:"+t.User.String()] + " (token " + t.Name + ")"
	}
	return names, err
}

// Any reports whether there are users, so that requests need a login.
func (s *Store) Any(ctx context.Context) (any bool, err error) {
	err = s.log.From(ctx).QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users)`).Scan(&any)
	return any, eventstore.Unavailable(ctx, "users", err)
}

// HasAdmin reports whether an admin can log in.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	users, err := s.Users(ctx)
	return othersThan(users, uuid.Nil).Admins > 0, err
}

// ByName returns the user of a name in any letter case, or domain.ErrNotFound.
func (s *Store) ByName(ctx context.Context, name string) (User, error) {
	return eventstore.SelectOne(ctx, s.log.From(ctx), fmt.Sprintf("user %.80q", name), scanUser, userByName, name)
}

// ByID returns a user, or domain.ErrNotFound.
func (s *Store) ByID(ctx context.Context, id uuid.UUID) (User, error) {
	return eventstore.SelectOne(ctx, s.log.From(ctx), "user "+id.String(), scanUser, userByID, id.String())
}

// othersThan counts the users beside the one with the given id.
func othersThan(users []User, id uuid.UUID) (o domain.Others) {
	for _, u := range users {
		if u.ID == id {
			continue
		}
		o.Users++
		if u.Role == domain.RoleAdmin && !u.Disabled {
			o.Admins++
		}
	}
	return o
}

// change decides a command and writes its events, and before them the rows that write
// changes; without events it writes nothing. command is made under the lock that keeps
// other changes out, from the other users as they are then. It returns the position of
// the last event, 0 for none.
func (s *Store) change(ctx context.Context, id uuid.UUID, actor string, command func(ctx context.Context, others domain.Others) (domain.UserCommand, error), write func(ctx context.Context) error) (position int64, err error) {
	err = s.log.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if s.log.Dialect() == eventstore.Postgres { // SQLite has one writer
			if _, err := tx.ExecContext(ctx, `LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE`); err != nil {
				return eventstore.Unavailable(ctx, "lock users", err)
			}
		}
		users, err := s.Users(ctx)
		if err != nil {
			return err
		}
		c, err := command(ctx, othersThan(users, id))
		if err != nil {
			return err
		}
		user, version, err := s.logged(ctx, id)
		if err != nil {
			return err
		}
		events, err := user.Decide(c, s.now().UTC().Truncate(time.Microsecond))
		if err != nil || len(events) == 0 {
			return err
		}
		if err := write(ctx); err != nil {
			return err
		}
		recorded, err := s.log.Append(ctx, s.appendOf(id, version, actor, events))
		if err == nil {
			position = recorded[len(recorded)-1].Position
		}
		return err
	})
	return position, err
}

func (s *Store) appendOf(id uuid.UUID, version int64, actor string, events []domain.Event) eventstore.Append {
	a := eventstore.Append{Stream: domain.UserStream(id), Expected: version}
	for _, e := range events {
		metadata := eventstore.Metadata{"actor": actor, "correlation_id": id.String()}
		if s.instance != "" {
			metadata["instance"] = s.instance
		}
		a.Events = append(a.Events, eventstore.NewEvent{Event: e, Metadata: metadata})
	}
	return a
}

// logged returns a user as the log has them, and the version of their stream.
func (s *Store) logged(ctx context.Context, id uuid.UUID) (u domain.User, version int64, err error) {
	err = s.events(ctx, id, func(e domain.UserEvent) { u = u.Evolve(e); version++ })
	return u, version, err
}

// events yields the events of a user. An event of a newer program is refused: what it
// changes is not known.
func (s *Store) events(ctx context.Context, id uuid.UUID, yield func(domain.UserEvent)) error {
	records, err := s.log.ReadStream(ctx, domain.UserStream(id), 0)
	if err != nil {
		return err
	}
	for _, r := range records {
		e, err := r.Event()
		if err != nil {
			return err
		}
		event, known := e.(domain.UserEvent)
		if !known {
			return fmt.Errorf("%w: position %d: %s is not an event of a user that this program knows", eventstore.ErrForeign, r.Position, r.Type)
		}
		yield(event)
	}
	return nil
}

func (s *Store) exec(ctx context.Context, doing, statement string, args ...any) error {
	_, err := s.log.Exec(ctx, doing, statement, args...)
	return err
}
