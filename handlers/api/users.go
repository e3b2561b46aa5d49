package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/access"
)

func (h *Handler) listUsers(c echo.Context) error {
	users, err := h.Access.Credentials.Users(c.Request().Context())
	if err != nil {
		return err
	}
	docs := make([]userDoc, len(users))
	for i, u := range users {
		docs[i] = h.userDoc(u)
	}
	return c.JSON(http.StatusOK, map[string][]userDoc{"users": docs})
}

// userDoc is a user, and why they are locked out.
type userDoc struct {
	credentials.User
	Locked string `json:"locked,omitempty"`
}

func (h *Handler) userDoc(u credentials.User) userDoc { return userDoc{u, h.Access.Locked(u.ID)} }

func (h *Handler) showUser(c echo.Context) error {
	u, err := h.Access.FindUser(c.Request().Context(), c.Param("user"))
	return answer(c, http.StatusOK, h.userDoc(u), err)
}

func (h *Handler) addUser(c echo.Context) error {
	var body struct {
		Name     string      `json:"name"`
		Role     domain.Role `json:"role"`
		Password string      `json:"password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	u, position, err := h.Access.AddUser(c.Request().Context(), actor(c.Request()), body.Name, body.Role, body.Password)
	return h.madeUser(c, u, position, err)
}

// changeUser changes the user that the path names, and answers with them.
func (h *Handler) changeUser(c echo.Context, change func(ctx context.Context, by string, id uuid.UUID) (position int64, err error)) error {
	ctx := c.Request().Context()
	u, err := h.Access.FindUser(ctx, c.Param("user"))
	if err != nil {
		return err
	}
	position, err := change(ctx, actor(c.Request()), u.ID)
	if err == nil {
		_, err = h.reachedAt(c, position)
	}
	if err == nil {
		err = h.Access.Compare(ctx)
	}
	if err != nil {
		return err
	}
	return h.showUser(c)
}

func (h *Handler) setRole(c echo.Context) error {
	var body struct {
		Role domain.Role `json:"role"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	return h.changeUser(c, func(ctx context.Context, by string, id uuid.UUID) (int64, error) {
		return h.Access.Credentials.SetRole(ctx, by, id, body.Role)
	})
}

func (h *Handler) setPassword(c echo.Context) error {
	var body struct {
		Password string `json:"password"`
	}
	if err := decode(c, &body); err != nil {
		return err
	}
	return h.changeUser(c, func(ctx context.Context, by string, id uuid.UUID) (int64, error) {
		return h.Access.Credentials.SetPassword(ctx, by, id, body.Password)
	})
}

func (h *Handler) disableUser(c echo.Context) error {
	return h.changeUser(c, h.Access.Credentials.Disable)
}

func (h *Handler) removeUser(c echo.Context) error {
	ctx := c.Request().Context()
	u, err := h.Access.FindUser(ctx, c.Param("user"))
	if err != nil {
		return err
	}
	position, err := h.Access.RemoveUser(ctx, actor(c.Request()), u.ID)
	return h.written(c, position, err)
}

func (h *Handler) listTokens(c echo.Context) error {
	q := readQuery(c.Request())
	name := q.text("user")
	if q.err != nil {
		return q.err
	}
	var u credentials.User
	if name != "" {
		var err error
		if u, err = h.Access.FindUser(c.Request().Context(), name); err != nil {
			return err
		}
	}
	tokens, err := h.Access.Credentials.Tokens(c.Request().Context(), u.ID)
	return tokenList(c, tokens, err)
}

func (h *Handler) addToken(c echo.Context) error {
	body := struct {
		Name     string      `json:"name"`
		User     string      `json:"user"`
		Role     domain.Role `json:"role"`
		Scrapers string      `json:"scrapers"`
		Expires  string      `json:"expires"`
	}{Expires: access.DefaultTokenLife}
	if err := decode(c, &body); err != nil {
		return err
	}
	life, err := domain.ParseLife("expires", body.Expires)
	if err != nil {
		return err
	}
	request := access.TokenRequest{Name: body.Name, User: body.User, Role: body.Role, Scrapers: body.Scrapers, Life: life}
	token, text, position, err := h.Access.IssueToken(c.Request().Context(), access.From(c.Request().Context()), request)
	return h.madeToken(c, token, text, position, err)
}

func (h *Handler) revokeToken(c echo.Context) error {
	position, err := h.Access.Credentials.Revoke(c.Request().Context(), actor(c.Request()), c.Param("id"))
	return h.written(c, position, err)
}
