package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/access"
	"scrapelog/handlers/problem"
	"scrapelog/handlers/web/pages"
)

// Accounts are the users with their sessions and tokens: *access.Access with its
// *credentials.Store.
type Accounts interface {
	Login(w http.ResponseWriter, r *http.Request, name, password string) (credentials.User, error)
	Logout(w http.ResponseWriter, r *http.Request) error
	SetUp(r *http.Request, token, name, password string) (credentials.User, int64, error)
	ChangePassword(w http.ResponseWriter, r *http.Request, old, password string) (position int64, err error)
	IssueToken(ctx context.Context, by access.Principal, q access.TokenRequest) (t credentials.Token, text string, position int64, err error)
	AddUser(ctx context.Context, by, name string, role domain.Role, password string) (credentials.User, int64, error)
	RemoveUser(ctx context.Context, by string, id uuid.UUID) (position int64, err error)
	// Troubles says of each user whose row gives more than the log does what is wrong.
	Troubles() []string
	// NameOf returns the name of an actor for people, else the actor.
	NameOf(actor string) string

	Users(ctx context.Context) ([]credentials.User, error)
	ByID(ctx context.Context, id uuid.UUID) (credentials.User, error)
	SetRole(ctx context.Context, by string, id uuid.UUID, role domain.Role) (position int64, err error)
	SetPassword(ctx context.Context, by string, id uuid.UUID, password string) (position int64, err error)
	Disable(ctx context.Context, by string, id uuid.UUID) (position int64, err error)
	Sessions(ctx context.Context, user uuid.UUID) ([]credentials.Session, error)
	EndSession(ctx context.Context, user uuid.UUID, id string) error
	EndOtherSessions(ctx context.Context, user uuid.UUID, but string) error
	Tokens(ctx context.Context, user uuid.UUID) ([]credentials.Token, error)
	Revoke(ctx context.Context, by, id string) (position int64, err error)
}

func (h *Handler) nameOf(actor string) string {
	if h.cfg.Access == nil {
		return actor
	}
	return h.cfg.Access.NameOf(actor)
}

// ownAccount returns who is logged in. Without users there is no account, and a token has
// none.
func ownAccount(c echo.Context) (access.Principal, error) {
	p := access.From(c.Request().Context())
	switch p.Kind {
	case access.KindUser:
		return p, nil
	case access.KindLocal:
		return p, problem.New(problem.Conflict, "there are no users, so nobody has an account; add the first under People")
	case access.KindToken, access.KindNone:
	}
	return p, problem.New(problem.Role, "needs a login with name and password; a token has no account")
}

func (h *Handler) account(c echo.Context) error { return h.showAccount(c, http.StatusOK, "") }

// showAccount answers with one's account, and once with the text of a new token.
func (h *Handler) showAccount(c echo.Context, status int, issued string) error {
	p, err := ownAccount(c)
	if err != nil {
		return err
	}
	chrome, err := h.chrome(c, "/account", "Account", "")
	if err != nil {
		return err
	}
	page := pages.Account{Principal: p, Issued: issued}
	if page.Sessions, err = h.cfg.Access.Sessions(c.Request().Context(), p.User); err != nil {
		return err
	}
	if page.Tokens, err = h.cfg.Access.Tokens(c.Request().Context(), p.User); err != nil {
		return err
	}
	return send(c, status, pages.AccountPage(chrome, page))
}

func (h *Handler) changePassword(c echo.Context) error {
	position, err := h.cfg.Access.ChangePassword(c.Response(), c.Request(), c.FormValue("old"), c.FormValue("password"))
	if d := problem.Of(err); err != nil && d.Status == http.StatusUnauthorized { // they are logged in: it is the old password
		return problem.New(problem.Forbidden, "the old password is wrong, or there were too many tries; wait 10 s and try again")
	}
	return changed(c, position, err, "/account")
}

// ofAccount answers a form about one's own login.
func (h *Handler) ofAccount(do func(c echo.Context, p access.Principal) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		p, err := ownAccount(c)
		if err != nil {
			return err
		}
		return changed(c, 0, do(c, p), "/account")
	}
}

func (h *Handler) endSession(c echo.Context, p access.Principal) error {
	return h.cfg.Access.EndSession(c.Request().Context(), p.User, c.Param("id"))
}

func (h *Handler) endOtherSessions(c echo.Context, p access.Principal) error {
	return h.cfg.Access.EndOtherSessions(c.Request().Context(), p.User, p.Session)
}

func (h *Handler) issueToken(c echo.Context) error {
	p, err := ownAccount(c)
	if err != nil {
		return err
	}
	days, known := map[string]int{"30d": 30, "90d": 90, "365d": 365}[c.FormValue("expires")]
	if !known {
		return invalid("expires", c.FormValue("expires"), "use 30d, 90d or 365d")
	}
	_, text, _, err := h.cfg.Access.IssueToken(c.Request().Context(), p, access.TokenRequest{
		Name: c.FormValue("name"), User: p.User.String(), Role: domain.Role(c.FormValue("role")), Scrapers: c.FormValue("scrapers"), Life: time.Duration(days) * 24 * time.Hour,
	})
	if err != nil {
		return err
	}
	return h.showAccount(c, http.StatusCreated, text)
}

// ownToken returns a token of who is logged in; others' are not known here.
func (h *Handler) ownToken(c echo.Context) (t credentials.Token, p access.Principal, err error) {
	if p, err = ownAccount(c); err != nil {
		return t, p, err
	}
	tokens, err := h.cfg.Access.Tokens(c.Request().Context(), p.User)
	for _, t := range tokens {
		if t.ID == c.Param("id") {
			return t, p, err
		}
	}
	if err == nil {
		err = echo.ErrNotFound
	}
	return t, p, err
}

func (h *Handler) askRevoke(c echo.Context) error {
	t, _, err := h.ownToken(c)
	if err != nil {
		return err
	}
	return h.confirm(c, "/account", pages.AskRevoke(t), false)
}

func (h *Handler) revokeToken(c echo.Context) error {
	t, p, err := h.ownToken(c)
	if err != nil {
		return err
	}
	position, err := h.cfg.Access.Revoke(c.Request().Context(), p.Actor(""), t.ID)
	return changed(c, position, err, "/account")
}

// confirm asks before something ends.
func (h *Handler) confirm(c echo.Context, section string, a pages.Ask, newPassword bool) error {
	return h.show(c, section, a.Title, func(chrome pages.Chrome) templ.Component { return pages.ConfirmPage(chrome, a, newPassword) })
}

// removedShown is how many removed users the page of the people lists.
const removedShown = 20

func (h *Handler) people(c echo.Context) error {
	ctx := c.Request().Context()
	chrome, err := h.chrome(c, "/people", "People", "")
	if err != nil {
		return err
	}
	page := pages.People{Self: access.From(ctx).User, Locked: h.cfg.Access.Troubles()}
	if page.Users, err = h.cfg.Access.Users(ctx); err != nil {
		return err
	}
	removed := domain.UserRemoved{}.EventType()
	records, err := h.cfg.Events.Read(ctx, eventstore.Query{Types: []string{removed}, Backward: true, Limit: removedShown})
	if err != nil {
		return err
	}
	for _, rec := range records {
		if e, err := rec.Event(); err == nil {
			if u, ok := e.(domain.UserRemoved); ok {
				page.Removed = append(page.Removed, pages.RemovedUser{ID: u.UserID, At: u.At, Position: rec.Position})
			}
		}
	}
	return send(c, http.StatusOK, pages.PeoplePage(chrome, page))
}

// addPerson adds a user. The first one begins the logins: the next page asks for one.
func (h *Handler) addPerson(c echo.Context) error {
	_, position, err := h.cfg.Access.AddUser(c.Request().Context(), actor(c), c.FormValue("name"), domain.Role(c.FormValue("role")), c.FormValue("password"))
	return changed(c, position, err, "/people")
}

// person returns the user in the path.
func (h *Handler) person(c echo.Context) (credentials.User, error) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return credentials.User{}, echo.ErrNotFound
	}
	return h.cfg.Access.ByID(c.Request().Context(), id)
}

// ofPerson answers a form that changes a user.
func (h *Handler) ofPerson(change func(c echo.Context, by string, id uuid.UUID) (position int64, err error)) echo.HandlerFunc {
	return func(c echo.Context) error {
		u, err := h.person(c)
		if err != nil {
			return err
		}
		position, err := change(c, actor(c), u.ID)
		return changed(c, position, err, "/people")
	}
}

// askPerson asks before a user is changed.
func (h *Handler) askPerson(ask func(credentials.User) pages.Ask, newPassword bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		u, err := h.person(c)
		if err != nil {
			return err
		}
		return h.confirm(c, "/people", ask(u), newPassword)
	}
}

func (h *Handler) setRole(c echo.Context, by string, id uuid.UUID) (int64, error) {
	return h.cfg.Access.SetRole(c.Request().Context(), by, id, domain.Role(c.FormValue("role")))
}

func (h *Handler) disable(c echo.Context, by string, id uuid.UUID) (int64, error) {
	return h.cfg.Access.Disable(c.Request().Context(), by, id)
}

func (h *Handler) setPassword(c echo.Context, by string, id uuid.UUID) (int64, error) {
	return h.cfg.Access.SetPassword(c.Request().Context(), by, id, c.FormValue("password"))
}

func (h *Handler) removePerson(c echo.Context, by string, id uuid.UUID) (int64, error) {
	return h.cfg.Access.RemoveUser(c.Request().Context(), by, id)
}

// changed answers an action on an account with the page that shows it.
func changed(c echo.Context, position int64, err error, path string) error {
	if err != nil {
		return err
	}
	if position > 0 {
		path += "?recorded=" + strconv.FormatInt(position, 10)
	}
	return c.Redirect(http.StatusSeeOther, path)
}
