package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/problem"
)

// errLogin is the answer to every login that fails, the same for every reason.
var errLogin error = problem.New(problem.Login, "wrong name or password, or too many tries; wait 10 s and try again")

// errNoUsers is the answer to what needs users where there are none.
var errNoUsers error = problem.New(problem.Conflict, `there are no users, so no login is needed; add the first with "scrapelog users add NAME --role admin"`)

// check returns the user whose name and password these are. It bounds the tries.
func (a *Access) check(r *http.Request, name, password string) (credentials.User, error) {
	if !a.users.Load() {
		return credentials.User{}, errNoUsers
	}
	keys := loginKeys(r, name)
	if !a.limits.take(keys) {
		a.failures.count("over the limit")
		return credentials.User{}, errLogin
	}
	u, err := a.Credentials.CheckPassword(r.Context(), name, password)
	switch {
	case errors.Is(err, credentials.ErrWrong) || err == nil && a.Locked(u.ID) != "":
		a.failures.count(failedUser(u))
		return u, errLogin
	case err == nil:
		a.limits.succeeded(keys)
	}
	return u, err
}

func failedUser(u credentials.User) string {
	if u.ID == uuid.Nil {
		return "unknown"
	}
	return u.ID.String()
}

// Login begins a session for the user whose name and password these are, and sets its
// cookie. A session that the request has already ends. Every other answer is the same
// 401.
func (a *Access) Login(w http.ResponseWriter, r *http.Request, name, password string) (credentials.User, error) {
	u, err := a.check(r, name, password)
	if err != nil {
		return u, err
	}
	return u, a.begin(w, r, u)
}

// begin gives the client a new session in place of the one that it has.
func (a *Access) begin(w http.ResponseWriter, r *http.Request, u credentials.User) error {
	m := a.sessions(r)
	ctx, _, _, err := a.load(r)
	if err != nil {
		return err
	}
	if err := m.RenewToken(ctx); err != nil {
		return err
	}
	agent := r.UserAgent()
	m.Put(ctx, sessionKey, credentials.Session{User: u.ID, Epoch: u.Epoch, Agent: strings.ToValidUTF8(agent[:min(len(agent), 200)], "")})
	token, _, err := m.Commit(ctx)
	if err != nil {
		return err
	}
	m.WriteSessionCookie(ctx, w, token, time.Now().Add(sessionLife))
	return nil
}

// Logout ends the session of a request and its cookie, or revokes its token.
func (a *Access) Logout(w http.ResponseWriter, r *http.Request) error {
	p := From(r.Context())
	if p.Kind == KindToken {
		_, err := a.Credentials.Revoke(r.Context(), p.Actor(""), p.Token)
		return err
	}
	ctx, _, found, err := a.load(r)
	if err != nil {
		return err
	}
	m := a.sessions(r)
	if found {
		if err := m.Destroy(ctx); err != nil {
			return err
		}
	}
	m.WriteSessionCookie(ctx, w, "", time.Time{})
	return nil
}

// How long tokens are valid: those of "scrapelog login", and others unless it is said.
const (
	loginTokenLife   = 30 * 24 * time.Hour
	DefaultTokenLife = "90d"
)

// LoginToken makes a token for the user whose name and password these are. It is what
// "scrapelog login" keeps.
func (a *Access) LoginToken(r *http.Request, name, password string) (t credentials.Token, text string, position int64, err error) {
	u, err := a.check(r, name, password)
	if err != nil {
		return t, "", 0, err
	}
	return a.Credentials.Issue(r.Context(), "user:"+u.ID.String(), credentials.Grant{Name: "login", User: u.ID, Role: u.Role, Life: loginTokenLife})
}

// ChangePassword gives the user of a request a new password if they know the old one.
// Their other sessions end, and this one is new.
func (a *Access) ChangePassword(w http.ResponseWriter, r *http.Request, old, password string) (position int64, err error) {
	p := From(r.Context())
	if p.Kind != KindUser {
		return 0, problem.New(problem.Conflict, "only a user who has logged in has a password")
	}
	if err := domain.CheckPassword("password", password); err != nil {
		return 0, err
	}
	if _, err := a.check(r, p.Name, old); err != nil {
		return 0, err
	}
	position, err = a.Credentials.SetPassword(r.Context(), p.Actor(""), p.User, password)
	if err != nil {
		return 0, err
	}
	u, err := a.Credentials.ByID(r.Context(), p.User)
	if err != nil {
		return position, err
	}
	return position, a.begin(w, r, u)
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Name     string      // what it is for; that of a user: their token
	User     string      // name or id of the user; empty: see Name, and else the caller
	Role     domain.Role // at most the user's
	Scrapers string      // a glob; empty: every scraper
	Life     time.Duration
}

// IssueToken makes a token. Without users none can be made: it would outlive that.
func (a *Access) IssueToken(ctx context.Context, by Principal, q TokenRequest) (t credentials.Token, text string, position int64, err error) {
	if by.User == uuid.Nil && !a.users.Load() {
		return t, "", 0, errNoUsers
	}
	owner, err := a.owner(ctx, by, q)
	if err != nil {
		return t, "", 0, err
	}
	t, text, position, err = a.Credentials.Issue(ctx, by.Actor("user:api"), credentials.Grant{Name: q.Name, User: owner, Role: q.Role, Scrapers: q.Scrapers, Life: q.Life})
	return t, text, position, errors.Join(err, a.look(ctx))
}

// owner is whose token is asked for.
func (a *Access) owner(ctx context.Context, by Principal, q TokenRequest) (uuid.UUID, error) {
	if q.User != "" {
		u, err := a.FindUser(ctx, q.User)
		return u.ID, err
	}
	u, err := a.Credentials.ByName(ctx, q.Name)
	switch {
	case err == nil:
		return u.ID, nil
	case !errors.Is(err, domain.ErrNotFound):
		return uuid.Nil, err
	case by.User == uuid.Nil: // auth.loopback: open
		return uuid.Nil, &domain.FieldError{Field: "user", Problem: "is missing", Want: "name the user whose token it is"}
	}
	return by.User, nil
}

// FindUser returns the user of a name or an id.
func (a *Access) FindUser(ctx context.Context, text string) (credentials.User, error) {
	if id, err := uuid.Parse(text); err == nil {
		return a.Credentials.ByID(ctx, id)
	}
	return a.Credentials.ByName(ctx, text)
}

// AddUser adds a user; by is the actor. From the first one on every request needs a login.
func (a *Access) AddUser(ctx context.Context, by, name string, role domain.Role, password string) (credentials.User, int64, error) {
	u, position, err := a.Credentials.Add(ctx, by, name, role, password)
	if err == nil {
		a.users.Store(true)
		err = a.look(ctx)
	}
	return u, position, err
}

// RemoveUser erases a user. After the last one no request needs a login.
func (a *Access) RemoveUser(ctx context.Context, by string, id uuid.UUID) (position int64, err error) {
	position, err = a.Credentials.Remove(ctx, by, id)
	return position, errors.Join(err, a.look(ctx))
}
