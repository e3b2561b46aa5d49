package credentials_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/eventstoretest"
)

const password = "correct horse battery"

// each runs f on both databases, with a user who is an admin.
func each(t *testing.T, f func(t *testing.T, log *eventstore.Store, s *credentials.Store, admin credentials.User)) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		log := db.Open(t)
		s := credentials.New(log, "one")
		admin, position, err := s.Add(t.Context(), "cli", "ada", domain.RoleAdmin, password)
		if err != nil || position == 0 {
			t.Fatalf("position %d, %v", position, err)
		}
		f(t, log, s, admin)
	})
}

func edit(t *testing.T, log *eventstore.Store, statement string, args ...any) {
	t.Helper()
	if _, err := log.Writer().ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAChangeOfRightsIsARowAndAnEvent(t *testing.T) {
	each(t, func(t *testing.T, log *eventstore.Store, s *credentials.Store, admin credentials.User) {
		ctx := t.Context()
		bob, _, err := s.Add(ctx, "user:"+admin.ID.String(), "Bob@example.org", domain.RoleView, password)
		if err != nil {
			t.Fatal(err)
		}
		must[int64](t)(s.SetRole(ctx, "cli", bob.ID, domain.RoleOperate))
		token, text, _, err := s.Issue(ctx, "cli", credentials.Grant{Name: "build-server", User: bob.ID, Role: domain.RoleOperate, Scrapers: "shop-*", Life: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		must[int64](t)(s.SetPassword(ctx, "cli", bob.ID, "another long one"))
		must[int64](t)(s.Revoke(ctx, "cli", token.ID))
		must[int64](t)(s.Disable(ctx, "cli", bob.ID))
		must[int64](t)(s.Remove(ctx, "cli", bob.ID))

		records, err := log.ReadStream(ctx, domain.UserStream(bob.ID), 0)
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, r := range records {
			types = append(types, r.Type)
			for _, personal := range []string{"ob@example", "argon2", text, "build-server"} {
				if whole := fmt.Sprintf("%s %v", r.Data, r.Metadata); strings.Contains(whole, personal) {
					t.Errorf("the event %s holds %q: %s", r.Type, personal, whole)
				}
			}
		}
		want := "user.added user.role_changed token.issued user.password_changed token.revoked user.disabled user.removed"
		if got := strings.Join(types, " "); got != want {
			t.Errorf("recorded %s\nwant     %s", got, want)
		}
		if _, err := s.ByName(ctx, "bob@example.org"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("the person is still there: %v", err)
		}
		if tokens := must[[]credentials.Token](t)(s.Tokens(ctx, bob.ID)); len(tokens) != 0 {
			t.Errorf("their tokens are still there: %v", tokens)
		}
	})
}

func TestARowThatGivesMoreThanTheLogIsFound(t *testing.T) {
	each(t, func(t *testing.T, log *eventstore.Store, s *credentials.Store, _ credentials.User) {
		ctx := t.Context()
		bob, _, err := s.Add(ctx, "cli", "bob", domain.RoleOperate, password)
		eve, _, err2 := s.Add(ctx, "cli", "eve", domain.RoleView, password)
		_, _, _, err3 := s.Issue(ctx, "cli", credentials.Grant{Name: "old", User: bob.ID, Role: domain.RoleView, Scrapers: "shop-*", Life: time.Hour})
		gone, _, _, err4 := s.Issue(ctx, "cli", credentials.Grant{Name: "gone", User: bob.ID, Role: domain.RoleView, Life: time.Hour})
		_, err5 := s.Revoke(ctx, "cli", gone.ID)
		_, err6 := s.Disable(ctx, "cli", eve.ID)
		if err := errors.Join(err, err2, err3, err4, err5, err6); err != nil {
			t.Fatal(err)
		}
		if found := must[[]credentials.Raised](t)(s.Raised(ctx)); len(found) != 0 {
			t.Fatalf("nothing was edited, and it finds %v", found)
		}
		for name, statement := range map[string]string{
			"a role":                     `UPDATE users SET role = 'admin' WHERE name = 'bob'`,
			"a disabled user":            `UPDATE users SET disabled = ` + log.Dialect().Pick("0", "false") + ` WHERE name = 'eve'`,
			"a user":                     `INSERT INTO users SELECT '0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d99', 'mallory', role, hash, epoch, disabled FROM users WHERE name = 'bob'`,
			"a token's role":             `UPDATE tokens SET role = 'operate' WHERE name = 'old'`,
			"a token's scrapers":         `UPDATE tokens SET scrapers = '' WHERE name = 'old'`,
			"a token's life":             `UPDATE tokens SET expires_at = expires_at + 1000000 WHERE name = 'old'`,
			"a revoked token":            `UPDATE tokens SET revoked_at = NULL WHERE name = 'gone'`,
			"another's token":            `UPDATE tokens SET "user" = (SELECT id FROM users WHERE name = 'ada') WHERE name = 'old'`,
			"a token that was not given": `INSERT INTO tokens SELECT 'x', id, 'x', 'x', 'view', '', 1, 2, NULL, NULL FROM users WHERE name = 'bob'`,
		} {
			undo := errors.New("undo")
			err := log.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, strings.Replace(statement, "'0198", log.Dialect().Pick("'0198", "uuid '0198"), 1)); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				found, err := s.Raised(ctx)
				if err != nil || len(found) != 1 {
					return fmt.Errorf("%s: it finds %v, %w", name, found, err)
				}
				t.Log(found[0].Says)
				return undo
			})
			if !errors.Is(err, undo) {
				t.Error(err)
			}
		}
	})
}

func TestGivingTheRoleAgainMendsARowThatWasEdited(t *testing.T) {
	each(t, func(t *testing.T, log *eventstore.Store, s *credentials.Store, _ credentials.User) {
		bob, _, err := s.Add(t.Context(), "cli", "bob", domain.RoleView, password)
		if err != nil {
			t.Fatal(err)
		}
		edit(t, log, `UPDATE users SET role = 'admin' WHERE name = 'bob'`)
		must[int64](t)(s.SetRole(t.Context(), "cli", bob.ID, domain.RoleView))
		if u := must[credentials.User](t)(s.ByID(t.Context(), bob.ID)); u.Role != domain.RoleView || u.Epoch == bob.Epoch {
			t.Errorf("the row is %+v", u)
		}
		if found := must[[]credentials.Raised](t)(s.Raised(t.Context())); len(found) != 0 {
			t.Errorf("it finds %v", found)
		}
	})
}

func TestTheLastAdminStays(t *testing.T) {
	each(t, func(t *testing.T, _ *eventstore.Store, s *credentials.Store, admin credentials.User) {
		ctx := t.Context()
		if _, _, err := s.Add(ctx, "cli", "ADA", domain.RoleView, password); !errors.Is(err, domain.ErrConflict) {
			t.Errorf("the name was given twice: %v", err)
		}
		if _, _, err := s.Add(ctx, "cli", "bob", domain.RoleView, password); err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func() (int64, error){
			"disable": func() (int64, error) { return s.Disable(ctx, "cli", admin.ID) },
			"remove":  func() (int64, error) { return s.Remove(ctx, "cli", admin.ID) },
			"demote":  func() (int64, error) { return s.SetRole(ctx, "cli", admin.ID, domain.RoleOperate) },
		} {
			if _, err := do(); !errors.Is(err, domain.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestTheFirstUserIsAnAdmin(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := credentials.New(db.Open(t), "")
		if _, _, err := s.Add(t.Context(), "cli", "bob", domain.RoleOperate, password); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("got %v", err)
		}
		if any, err := s.Any(t.Context()); any || err != nil {
			t.Errorf("there are users: %v, %v", any, err)
		}
	})
}

func TestATokenIsKnownByItsWholeText(t *testing.T) {
	each(t, func(t *testing.T, log *eventstore.Store, s *credentials.Store, admin credentials.User) {
		ctx := t.Context()
		given, text, _, err := s.Issue(ctx, "cli", credentials.Grant{Name: "ci", User: admin.ID, Role: domain.RoleAdmin, Life: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.CheckToken(ctx, text)
		if err != nil || found.ID != given.ID || !strings.HasPrefix(text, "slg_"+given.ID+"_") {
			t.Errorf("%s is %+v, %v", text, found, err)
		}
		for _, wrong := range []string{"", "slg_", text[:len(text)-1], text + "0", strings.Replace(text, "slg_", "slh_", 1), strings.Replace(text, given.ID, "aaaaaaaaaaaaaaaa", 1)} {
			if _, err := s.CheckToken(ctx, wrong); !errors.Is(err, credentials.ErrNoToken) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
		must[any](t)(nil, s.Used(ctx, found))
		used := must[credentials.Token](t)(s.Token(ctx, given.ID))
		if used.LastUsedAt.IsZero() || used.LastUsedAt != used.LastUsedAt.Truncate(time.Hour) {
			t.Errorf("last used at %s", used.LastUsedAt)
		}
		edit(t, log, `UPDATE tokens SET sha256 = 'x'`)
		if _, err := s.CheckToken(ctx, text); !errors.Is(err, credentials.ErrNoToken) {
			t.Errorf("another secret: %v", err)
		}
	})
}

func TestATokenIsNoMoreThanItsUserAndLastsAYear(t *testing.T) {
	each(t, func(t *testing.T, _ *eventstore.Store, s *credentials.Store, _ credentials.User) {
		bob, _, err := s.Add(t.Context(), "cli", "bob", domain.RoleOperate, password)
		if err != nil {
			t.Fatal(err)
		}
		for name, g := range map[string]credentials.Grant{
			"role":   {Role: domain.RoleAdmin, Life: time.Hour},
			"life":   {Role: domain.RoleView, Life: 367 * 24 * time.Hour},
			"past":   {Role: domain.RoleView, Life: -time.Second},
			"glob":   {Role: domain.RoleView, Life: time.Hour, Scrapers: "["},
			"noRole": {Role: "root", Life: time.Hour},
		} {
			g.Name, g.User = "ci", bob.ID
			if _, _, _, err := s.Issue(t.Context(), "cli", g); !errors.Is(err, domain.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPasswords(t *testing.T) {
	each(t, func(t *testing.T, _ *eventstore.Store, s *credentials.Store, admin credentials.User) {
		ctx := t.Context()
		if u, err := s.CheckPassword(ctx, "Ada", password); err != nil || u.ID != admin.ID {
			t.Errorf("got %v, %v", u, err)
		}
		for _, pair := range [][2]string{{"ada", "wrong"}, {"nobody", password}, {"", ""}, {"ada", strings.Repeat("x", 300)}} {
			if _, err := s.CheckPassword(ctx, pair[0], pair[1]); !errors.Is(err, credentials.ErrWrong) {
				t.Errorf("%q: %v", pair, err)
			}
		}
		for _, bad := range []string{"elevenbytes", strings.Repeat("x", 257)} {
			if _, err := s.SetPassword(ctx, "cli", admin.ID, bad); !errors.Is(err, domain.ErrInvalid) || strings.Contains(err.Error(), bad) {
				t.Errorf("%d bytes: %v", len(bad), err)
			}
		}
	})
}

func TestSessionsEndWithWhatTheyWereMadeOn(t *testing.T) {
	each(t, func(t *testing.T, _ *eventstore.Store, s *credentials.Store, admin credentials.User) {
		ctx := t.Context()
		bob, _, err := s.Add(ctx, "cli", "bob", domain.RoleView, password)
		if err != nil {
			t.Fatal(err)
		}
		keep := func(id string, expiry time.Duration) {
			t.Helper()
			u := must[credentials.User](t)(s.ByID(ctx, bob.ID))
			data := []byte(`{"user_id":"` + bob.ID.String() + `","epoch":` + strconv.FormatInt(u.Epoch, 10) + `,"agent":"test","deadline":"2099-01-01T00:00:00Z"}`)
			if err := s.CommitCtx(ctx, id, data, time.Now().Add(expiry)); err != nil {
				t.Fatal(err)
			}
		}
		alive := func(id string) bool {
			t.Helper()
			_, found, err := s.FindCtx(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		for name, end := range map[string]func(id string) error{
			"logout":   func(id string) error { return s.DeleteCtx(ctx, id) },
			"by hand":  func(id string) error { return s.EndSession(ctx, bob.ID, id[:6]) },
			"others":   func(string) error { return s.EndOtherSessions(ctx, bob.ID, "mine") },
			"password": func(string) error { _, err := s.SetPassword(ctx, "cli", bob.ID, password); return err },
			"role":     func(string) error { _, err := s.SetRole(ctx, "cli", bob.ID, domain.RoleOperate); return err },
			"disabled": func(string) error { _, err := s.Disable(ctx, "cli", bob.ID); return err },
		} {
			id := "session-" + uuid.NewString()
			keep(id, time.Hour)
			if !alive(id) {
				t.Fatalf("%s: a new session is not alive", name)
			}
			if err := end(id); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if alive(id) {
				t.Errorf("%s: the session is alive", name)
			}
			if _, err := s.SetRole(ctx, "cli", bob.ID, domain.RoleView); err != nil {
				t.Fatal(err)
			}
		}
		if keep("past", -time.Second); alive("past") {
			t.Error("a session that has expired is alive")
		}
		if err := s.EndSession(ctx, admin.ID, "past"); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("a short id: %v", err)
		}
	})
}
