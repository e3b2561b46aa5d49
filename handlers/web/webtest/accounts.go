package webtest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"
)

// The canned users.
var (
	Ada   = credentials.User{ID: uuid.MustParse("019a1b2c-0000-7000-8000-0000000000ad"), Name: "ada", Role: domain.RoleAdmin}
	Grace = credentials.User{ID: uuid.MustParse("019a1b2c-0000-7000-8000-0000000000fe"), Name: "grace.hopper@example.org", Role: domain.RoleOperate}
	Vera  = credentials.User{ID: uuid.MustParse("019a1b2c-0000-7000-8000-00000000005e"), Name: "vera", Role: domain.RoleView}
	Olga  = credentials.User{ID: uuid.MustParse("019a1b2c-0000-7000-8000-00000000000a"), Name: "olga", Role: domain.RoleView, Disabled: true}
)

// As is the principal of a canned user who has logged in.
func As(u credentials.User) access.Principal {
	return access.Principal{Kind: access.KindUser, User: u.ID, Name: u.Name, Session: "3f9a0c7712", Role: u.Role}
}

// Password is that of each canned user.
const Password = "correct horse battery"

// Accounts answers with canned users, and notes what it was asked to do.
type Accounts struct {
	People []credentials.User
	Wrong  []string // what is wrong with locked users

	Done []string
}

func (a *Accounts) do(format string, args ...any) {
	a.Done = append(a.Done, fmt.Sprintf(format, args...))
}

func (a *Accounts) Login(_ http.ResponseWriter, _ *http.Request, name, password string) (credentials.User, error) {
	for _, u := range a.People {
		if u.Name == name && password == Password {
			a.do("login %s", name)
			return u, nil
		}
	}
	return credentials.User{}, problem.New(problem.Login, "wrong name or password, or too many tries; wait 10 s and try again")
}

func (a *Accounts) NameOf(actor string) string {
	for _, u := range a.People {
		if actor == "user:"+u.ID.String() {
			return u.Name
		}
	}
	return actor
}

func (a *Accounts) Logout(http.ResponseWriter, *http.Request) error { a.do("logout"); return nil }

func (a *Accounts) SetUp(_ *http.Request, token, name, _ string) (credentials.User, int64, error) {
	if token != "token" {
		return credentials.User{}, 0, problem.New(problem.Login, "the setup link is not valid, was used, or is older than 15 minutes")
	}
	a.do("set up %s", name)
	a.People = append(a.People, credentials.User{Name: name})
	return credentials.User{}, 0, nil
}

func (a *Accounts) ChangePassword(_ http.ResponseWriter, _ *http.Request, old, _ string) (int64, error) {
	if old != Password {
		return 0, problem.New(problem.Login, "wrong name or password, or too many tries; wait 10 s and try again")
	}
	a.do("change password")
	return Head, nil
}

func (a *Accounts) IssueToken(_ context.Context, by access.Principal, q access.TokenRequest) (t credentials.Token, text string, position int64, err error) {
	a.do("issue %s %s %s %q %s", q.Name, q.User, q.Role, q.Scrapers, q.Life)
	return t, "slg_h4k2m7p3q5r6s8t9_n3k5j7h2g4f6d8s9a2p4o6i8u3y5t7r9e2w4q6_x7c9v2b4", Head, by.Role.CheckUser("role")
}

func (a *Accounts) AddUser(_ context.Context, _, name string, role domain.Role, password string) (credentials.User, int64, error) {
	if err := domain.CheckPassword("password", password); err != nil {
		return credentials.User{}, 0, err
	}
	a.do("add %s %s", name, role)
	return credentials.User{}, Head, role.CheckUser("role")
}

func (a *Accounts) RemoveUser(_ context.Context, _ string, id uuid.UUID) (int64, error) {
	a.do("remove %s", id)
	return Head, nil
}

func (a *Accounts) Troubles() []string { return a.Wrong }

func (a *Accounts) Users(context.Context) ([]credentials.User, error) { return a.People, nil }

func (a *Accounts) ByID(_ context.Context, id uuid.UUID) (credentials.User, error) {
	for _, u := range a.People {
		if u.ID == id {
			return u, nil
		}
	}
	return credentials.User{}, fmt.Errorf("user %s: %w", id, domain.ErrNotFound)
}

func (a *Accounts) SetRole(_ context.Context, by string, id uuid.UUID, role domain.Role) (int64, error) {
	a.do("%s gives %s %s", by, id, role)
	return Head, role.CheckUser("role")
}

func (a *Accounts) SetPassword(_ context.Context, by string, id uuid.UUID, password string) (int64, error) {
	a.do("%s sets the password of %s", by, id)
	return Head, domain.CheckPassword("password", password)
}

func (a *Accounts) Disable(_ context.Context, by string, id uuid.UUID) (int64, error) {
	a.do("%s disables %s", by, id)
	return Head, nil
}

func (a *Accounts) Sessions(_ context.Context, user uuid.UUID) ([]credentials.Session, error) {
	session := func(id, agent string, begun, seen time.Duration) credentials.Session {
		return credentials.Session{ID: id, User: user, Agent: agent, CreatedAt: ago(begun), SeenAt: ago(seen), Deadline: ago(begun - 7*24*time.Hour)}
	}
	return []credentials.Session{
		session(As(Ada).Session, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 3*time.Hour, 2*time.Second),
		session("b81c55e0aa", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1", 26*time.Hour, 40*time.Minute),
		session("c001d00d00", strings.Repeat("X", 200), 100*time.Hour, 11*time.Hour),
	}, nil
}

func (a *Accounts) EndSession(_ context.Context, _ uuid.UUID, id string) error {
	a.do("end %s", id)
	return nil
}

func (a *Accounts) EndOtherSessions(_ context.Context, _ uuid.UUID, but string) error {
	a.do("end all but %s", but)
	return nil
}

func (a *Accounts) Tokens(context.Context, uuid.UUID) ([]credentials.Token, error) {
	return []credentials.Token{
		{ID: "h4k2m7p3q5r6s8t9", Name: "ci-pipeline", Role: domain.RoleOperate, Scrapers: "shop-*", CreatedAt: ago(240 * time.Hour), ExpiresAt: ago(-80 * 24 * time.Hour), LastUsedAt: ago(time.Hour)},
		{ID: "a2s4d6f8g3h5j7k9", Name: "prometheus", Role: domain.RoleMetrics, CreatedAt: ago(2400 * time.Hour), ExpiresAt: ago(-200 * 24 * time.Hour)},
		{ID: "z9x8c7v6b5n4m3q2", Name: "revoked", Role: domain.RoleAdmin, CreatedAt: ago(240 * time.Hour), ExpiresAt: ago(-80 * 24 * time.Hour), RevokedAt: ago(time.Minute)},
		{ID: "p2o3i4u5y6t7r8e9", Name: "expired", Role: domain.RoleAdmin, CreatedAt: ago(240 * time.Hour), ExpiresAt: ago(time.Minute)},
	}, nil
}

func (a *Accounts) Revoke(_ context.Context, by, id string) (int64, error) {
	a.do("%s revokes %s", by, id)
	return Head, nil
}

// seenBy is the story as a canned user sees it.
func seenBy(u credentials.User) func() *Service {
	return func() *Service {
		s := New()
		s.As = As(u)
		return s
	}
}

// nobody is the story of someone who is not logged in.
func nobody() *Service {
	s := New()
	s.As = access.Principal{Kind: access.KindNone}
	return s
}

// unguarded has no users.
func unguarded() *Service {
	s := New()
	s.Accounts = Accounts{}
	return s
}

func locked() *Service {
	s := seenBy(Ada)()
	s.Accounts.Wrong = []string{"vera: the table says admin, the log says view"}
	return s
}
