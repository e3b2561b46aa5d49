package access

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/gate"
)

// How long a session lasts.
const (
	sessionIdle = 12 * time.Hour
	sessionLife = 7 * 24 * time.Hour
	seenEvery   = time.Minute // how exactly its last use is kept
)

// manager makes the session manager for TLS or for plain HTTP. A browser takes a cookie
// of the __Host- prefix only with Secure, which it sends over TLS only.
func manager(store *credentials.Store, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store, m.Codec, m.HashTokenInStore = store, sessionCodec{}, true
	m.IdleTimeout, m.Lifetime = sessionIdle, sessionLife
	m.Cookie.Name, m.Cookie.Secure = "scrapelog", secure
	if secure {
		m.Cookie.Name = "__Host-scrapelog"
	}
	return m
}

func (a *Access) sessions(r *http.Request) *scs.SessionManager {
	if gate.HTTPS(r) {
		return a.secure
	}
	return a.plain
}

// sessionKey is the one value of a session: its credentials.Session.
const sessionKey = "session"

// sessionCodec passes a session to its store as JSON.
type sessionCodec struct{}

// Encode implements scs.Codec.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	x, ok := values[sessionKey].(credentials.Session)
	if !ok {
		return nil, errors.New("session without a user")
	}
	x.Deadline = deadline
	return json.Marshal(x)
}

// Decode implements scs.Codec.
func (sessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	var x credentials.Session
	err := json.Unmarshal(data, &x)
	return x.Deadline, map[string]any{sessionKey: x}, err
}

// load returns the context with the session of the request's cookie; found is false if
// it has none that is alive.
func (a *Access) load(r *http.Request) (ctx context.Context, x credentials.Session, found bool, err error) {
	m := a.sessions(r)
	var token string
	if cookie, err := r.Cookie(m.Cookie.Name); err == nil {
		token = cookie.Value
	}
	if ctx, err = m.Load(r.Context(), token); err == nil {
		x, found = m.Get(ctx, sessionKey).(credentials.Session)
	}
	return ctx, x, found, err
}

func (a *Access) bySession(r *http.Request) (Principal, error) {
	ctx, x, found, err := a.load(r)
	if err != nil || !found {
		return anonymous, err
	}
	p, err := a.ofSession(ctx, x)
	if err == nil && time.Since(x.SeenAt) > seenEvery {
		a.note(ctx, func(ctx context.Context) error { return a.Credentials.Seen(ctx, x, sessionIdle) })
	}
	return p, err
}

func (a *Access) ofSession(ctx context.Context, x credentials.Session) (Principal, error) {
	u, err := a.user(ctx, x.User, credentials.Token{})
	if err != nil {
		return anonymous, err
	}
	return Principal{Kind: KindUser, User: u.ID, Name: u.Name, Session: x.ID, Role: u.Role}, nil
}

// StillAllowed reports whether a principal, whose request may have begun long ago, would
// be let in now. The error is that of the database.
func (a *Access) StillAllowed(ctx context.Context, p Principal) (bool, error) {
	var now Principal
	var err error
	switch p.Kind {
	case KindNone:
		return true, nil
	case KindLocal:
		return a.OpenLoopback || !a.users.Load() && a.Unguarded, nil
	case KindUser:
		var x credentials.Session
		if x, err = a.Credentials.Session(ctx, p.Session); err == nil {
			now, err = a.ofSession(ctx, x)
		}
	case KindToken:
		var t credentials.Token
		if t, err = a.Credentials.Token(ctx, p.Token); err == nil {
			now, err = a.ofToken(ctx, t)
		}
	}
	if refused(err) {
		return false, nil
	}
	return now == p, err
}
