package api

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/access"
)

// registerAccess adds the routes of users, tokens and logins.
func (h *Handler) registerAccess(own func(path string, fn echo.HandlerFunc, params []string, m ...echo.MiddlewareFunc), write func(method, path string, fn echo.HandlerFunc)) {
	write(http.MethodPost, "/api/v1/login", h.login)
	write(http.MethodPost, "/api/v1/logout", h.logout)
	write(http.MethodPost, "/api/v1/setup", h.setUp)

	own("/api/v1/account", h.showAccount, nil)
	write(http.MethodPost, "/api/v1/account/password", h.changePassword)
	own("/api/v1/account/sessions", h.listSessions, nil)
	write(http.MethodDelete, "/api/v1/account/sessions/:id", h.endSession)
	own("/api/v1/account/tokens", h.listOwnTokens, nil)
	write(http.MethodDelete, "/api/v1/account/tokens/:id", h.revokeOwnToken)

	own("/api/v1/users", h.listUsers, nil)
	write(http.MethodPost, "/api/v1/users", h.addUser)
	own("/api/v1/users/:user", h.showUser, nil)
	write(http.MethodDelete, "/api/v1/users/:user", h.removeUser)
	write(http.MethodPost, "/api/v1/users/:user/role", h.setRole)
	write(http.MethodPost, "/api/v1/users/:user/password", h.setPassword)
	write(http.MethodPost, "/api/v1/users/:user/disable", h.disableUser)

	own("/api/v1/tokens", h.listTokens, []string{"user"})
	write(http.MethodPost, "/api/v1/tokens", h.addToken)
	write(http.MethodDelete, "/api/v1/tokens/:id", h.revokeToken)
}

// newToken is a token with its text, which is shown this once.
type newToken struct {
	credentials.Token
	Text string `json:"token"`
}

func (h *Handler) login(c echo.Context) error {
	var body struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	token, text, position, err := h.Access.LoginToken(c.Request(), body.Name, body.Password)
	return h.madeToken(c, token, text, position, err)
}

// madeToken answers with a token and its text.
func (h *Handler) madeToken(c echo.Context, token credentials.Token, text string, position int64, err error) error {
	if err == nil {
		_, err = h.reachedAt(c, position)
	}
	return answer(c, http.StatusCreated, newToken{token, text}, err)
}

// logout revokes the token, or ends the session, of the request.
func (h *Handler) logout(c echo.Context) error {
	if err := h.Access.Logout(c.Response(), c.Request()); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h *Handler) setUp(c echo.Context) error {
	var body struct {
		Token    string `json:"token"`
		Name     string `json:"name"`
		Password string `json:"password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	u, position, err := h.Access.SetUp(c.Request(), body.Token, body.Name, body.Password)
	return h.madeUser(c, u, position, err)
}

func (h *Handler) madeUser(c echo.Context, u credentials.User, position int64, err error) error {
	if err == nil {
		_, err = h.reachedAt(c, position)
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, "/api/v1/users/"+u.ID.String())
	return c.JSON(http.StatusCreated, u)
}

// account is who makes a request.
type account struct {
	Kind     access.Kind `json:"kind"`
	User     uuid.UUID   `json:"user_id,omitzero"`
	Name     string      `json:"name,omitempty"`
	Token    string      `json:"token_id,omitempty"`
	Session  string      `json:"session_id,omitempty"`
	Role     domain.Role `json:"role"`
	Scrapers string      `json:"scrapers,omitempty"`
}

func (h *Handler) showAccount(c echo.Context) error {
	p := access.From(c.Request().Context())
	return c.JSON(http.StatusOK, account{p.Kind, p.User, p.Name, p.Token, p.ShortSession(), p.Role, p.Scrapers})
}

func (h *Handler) changePassword(c echo.Context) error {
	var body struct {
		Old      string `json:"old"`
		Password string `json:"password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	position, err := h.Access.ChangePassword(c.Response(), c.Request(), body.Old, body.Password)
	return h.written(c, position, err)
}

// sessionDoc is a session as it is shown: with a part of its id, which is no secret but
// long.
type sessionDoc struct {
	credentials.Session
	ID      string `json:"id"`
	Current bool   `json:"current"` // of this request
}

func (h *Handler) listSessions(c echo.Context) error {
	p := access.From(c.Request().Context())
	sessions, err := h.Access.Credentials.Sessions(c.Request().Context(), p.User)
	if err != nil {
		return err
	}
	docs := make([]sessionDoc, len(sessions))
	for i, x := range sessions {
		docs[i] = sessionDoc{x, access.Principal{Session: x.ID}.ShortSession(), x.ID == p.Session}
	}
	return c.JSON(http.StatusOK, map[string][]sessionDoc{"sessions": docs})
}

func (h *Handler) endSession(c echo.Context) error {
	p := access.From(c.Request().Context())
	if err := h.Access.Credentials.EndSession(c.Request().Context(), p.User, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h *Handler) listOwnTokens(c echo.Context) error {
	p := access.From(c.Request().Context())
	if p.User == uuid.Nil {
		return tokenList(c, nil, nil) // without a user, Tokens returns those of all
	}
	tokens, err := h.Access.Credentials.Tokens(c.Request().Context(), p.User)
	return tokenList(c, tokens, err)
}

func tokenList(c echo.Context, tokens []credentials.Token, err error) error {
	return answer(c, http.StatusOK, map[string][]credentials.Token{"tokens": append([]credentials.Token{}, tokens...)}, err)
}

func (h *Handler) revokeOwnToken(c echo.Context) error {
	p := access.From(c.Request().Context())
	t, err := h.Access.Credentials.Token(c.Request().Context(), c.Param("id"))
	if err == nil && t.User != p.User {
		err = domain.ErrNotFound // as if there were none
	}
	if err != nil {
		return err
	}
	return h.revokeToken(c)
}
