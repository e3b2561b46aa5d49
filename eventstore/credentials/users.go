package credentials

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"scrapelog/domain"
)

// Add adds a user and returns them with the position of the event.
func (s *Store) Add(ctx context.Context, by, name string, role domain.Role, password string) (User, int64, error) {
	if err := errors.Join(domain.CheckUserName("name", name), role.CheckUser("role")); err != nil {
		return User{}, 0, err
	}
	hash, err := hashed(ctx, password)
	if err != nil {
		return User{}, 0, err
	}
	u := User{ID: uuid.New(), Name: name, Role: role, hash: hash, Epoch: 1}
	to := domain.ToUser{UserID: u.ID, By: by}
	position, err := s.change(ctx, u.ID, by, func(ctx context.Context, others domain.Others) (domain.UserCommand, error) {
		return domain.AddUser{ToUser: to, Role: role, Others: others}, s.free(ctx, name)
	}, func(ctx context.Context) error {
		return s.exec(ctx, "add user", `INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
			u.ID.String(), u.Name, string(u.Role), u.hash, u.Epoch, u.Disabled)
	})
	return u, position, err
}

// free refuses a name that a user has.
func (s *Store) free(ctx context.Context, name string) error {
	_, err := s.ByName(ctx, name)
	switch {
	case err == nil:
		return fmt.Errorf("a user %q exists: %w", name, domain.ErrConflict)
	case errors.Is(err, domain.ErrNotFound):
		return nil
	}
	return err
}

// SetRole gives a user a role, also where the log has it and their row was edited. A
// disabled user can log in again. Their sessions end.
func (s *Store) SetRole(ctx context.Context, by string, id uuid.UUID, role domain.Role) (position int64, err error) {
	enabled := false // PostgreSQL and SQLite write it differently
	write := func(ctx context.Context) error {
		return s.exec(ctx, "set role", `UPDATE users SET role = $1, disabled = $2, epoch = epoch + 1 WHERE id = $3`, string(role), enabled, id.String())
	}
	position, err = s.change(ctx, id, by, func(_ context.Context, others domain.Others) (domain.UserCommand, error) {
		return domain.SetRole{ToUser: domain.ToUser{UserID: id, By: by}, Role: role, Others: others}, nil
	}, write)
	if err == nil && position == 0 {
		err = s.exec(ctx, "set role", `UPDATE users SET role = $1, disabled = $2, epoch = epoch + 1 WHERE id = $3 AND (role <> $1 OR disabled <> $2)`, string(role), enabled, id.String())
	}
	return position, err
}

// SetPassword gives a user a password. Their sessions end.
func (s *Store) SetPassword(ctx context.Context, by string, id uuid.UUID, password string) (position int64, err error) {
	hash, err := hashed(ctx, password)
	if err != nil {
		return 0, err
	}
	return s.change(ctx, id, by, func(context.Context, domain.Others) (domain.UserCommand, error) {
		return domain.ChangePassword{ToUser: domain.ToUser{UserID: id, By: by}}, nil
	}, func(ctx context.Context) error {
		return s.exec(ctx, "set password", `UPDATE users SET hash = $1, epoch = epoch + 1 WHERE id = $2`, hash, id.String())
	})
}

// Disable keeps a user and their tokens out until they are given a role again.
func (s *Store) Disable(ctx context.Context, by string, id uuid.UUID) (position int64, err error) {
	disabled := true
	return s.change(ctx, id, by, func(_ context.Context, others domain.Others) (domain.UserCommand, error) {
		return domain.DisableUser{ToUser: domain.ToUser{UserID: id, By: by}, Others: others}, nil
	}, func(ctx context.Context) error {
		return s.exec(ctx, "disable user", `UPDATE users SET disabled = $1, epoch = epoch + 1 WHERE id = $2`, disabled, id.String())
	})
}

// Remove erases a user with their sessions and tokens. The events keep their id.
func (s *Store) Remove(ctx context.Context, by string, id uuid.UUID) (position int64, err error) {
	return s.change(ctx, id, by, func(_ context.Context, others domain.Others) (domain.UserCommand, error) {
		return domain.RemoveUser{ToUser: domain.ToUser{UserID: id, By: by}, Others: others}, nil
	}, func(ctx context.Context) error {
		for _, statement := range []string{
			`DELETE FROM sessions WHERE "user" = $1`, `DELETE FROM tokens WHERE "user" = $1`, `DELETE FROM users WHERE id = $1`,
		} {
			if err := s.exec(ctx, "remove user", statement, id.String()); err != nil {
				return err
			}
		}
		return nil
	})
}

// CheckPassword returns the user whose name and password these are. Otherwise the error
// is ErrWrong, after the same work, also for a name that no user has.
func (s *Store) CheckPassword(ctx context.Context, name, password string) (User, error) {
	u, err := s.ByName(ctx, name)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return User{}, err
	}
	right, failed := matches(ctx, u.hash, password)
	switch {
	case failed != nil:
		return User{}, failed
	case err != nil || !right || u.Disabled:
		return u, ErrWrong // with the user, whose failures are counted
	}
	return u, nil
}

// ErrWrong is the answer to a name and a password that do not let anyone in.
var ErrWrong = errors.New("wrong name or password")
