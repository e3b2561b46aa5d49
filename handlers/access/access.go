package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/problem"
)

// Config holds the dependencies of an Access. Fields not marked optional MUST be set.
type Config struct {
	Credentials *credentials.Store
	// Wake announces commits of the log: users may have changed.
	Wake func() (woken <-chan struct{}, stop func())
	// Unguarded lets everybody in as admin while there are no users. Without it, nobody
	// gets in until there is one.
	Unguarded bool
	// OpenLoopback lets requests from this machine in as admin although there are users.
	OpenLoopback bool
	// SetupFile is where the token of a setup link lies. Optional: none is made.
	SetupFile string
	Logger    *slog.Logger
}

// Access knows who makes a request. Its Run MUST run while requests are served.
type Access struct {
	Config
	plain, secure *scs.SessionManager

	users  atomic.Bool // there are users
	locked atomic.Pointer[map[uuid.UUID]string]

	streams streams
	minutes minutes
	writes  writes
	proven  sync.Map // of rows: compared with the log lately

	limits   limits
	failures failures
	names    atomic.Pointer[map[string]string] // by actor

	comparing sync.Mutex
	said      map[string]bool // what was logged of locked users
}

// New makes an Access. It reads whether there are users, and which of them are locked.
func New(ctx context.Context, cfg Config) (*Access, error) {
	a := &Access{Config: cfg, plain: manager(cfg.Credentials, false), secure: manager(cfg.Credentials, true), said: map[string]bool{}}
	a.locked.Store(&map[uuid.UUID]string{})
	a.names.Store(&map[string]string{})
	return a, errors.Join(a.look(ctx), a.Compare(ctx))
}

// Guard finds the principal of a request, and refuses it what its role may not do. It
// MUST run after routing.
func (a *Access) Guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, row := c.Request(), rowOf(c)
		p, err := a.identify(r)
		if row.Least == Open {
			c.SetRequest(r.WithContext(With(r.Context(), p)))
			return challenge(c, next(c))
		}
		if err == nil {
			err = a.admit(c, p, row)
		}
		if err != nil {
			return challenge(c, err)
		}
		r = r.WithContext(With(r.Context(), p))
		if row.Stream {
			ctx, leave := a.streams.enter(r.Context(), p)
			defer leave()
			defer c.SetRequest(r) // an error that the stream ends with is answered
			c.SetRequest(r.WithContext(ctx))
		} else {
			c.SetRequest(r)
		}
		return challenge(c, next(c))
	}
}

// admit refuses what the principal may not do at a route.
func (a *Access) admit(c echo.Context, p Principal, row Row) error {
	switch {
	case p.Kind == KindNone:
		return problem.New(problem.Login, `log in, or send a token: "Authorization: Bearer slg_…"`)
	case row.Least != Anyone && !p.Allows(row.Least):
		return problem.New(problem.Role, fmt.Sprintf("needs %s; %s", row.Least, p.what()))
	case p.Limited() && row.Reach == Whole:
		return problem.New(problem.Role, fmt.Sprintf("is about every scraper; your token reaches %q only", p.Scrapers))
	case p.Limited() && row.Reach == Named:
		return p.CheckReach(c.Param("name"))
	}
	if row.PerMinute && !p.Allows(domain.RoleAdmin) && !a.minutes.take(p.key()+" "+c.Path()) {
		c.Response().Header().Set("Retry-After", "60")
		return problem.New(problem.TooOften, "may be asked for once a minute")
	}
	if writesOf(p, row) && !a.writes.take(p.User) {
		c.Response().Header().Set("Retry-After", "1")
		return problem.New(problem.TooOften, fmt.Sprintf("this user has sent more than %d requests that write; the rest is taken at %d a second", writesAtOnce, writesEach))
	}
	return nil
}

// writesOf reports whether a route writes and its caller is a user, or a token of one.
func writesOf(p Principal, row Row) bool {
	return row.Method != http.MethodGet && (p.Kind == KindUser || p.Kind == KindToken)
}

// CheckReach refuses a scraper that the principal does not reach.
func (p Principal) CheckReach(scraper string) error {
	if p.Reaches(scraper) {
		return nil
	}
	if scraper == "" {
		return problem.New(problem.Role, fmt.Sprintf("is about every scraper unless ?scraper= names one; your token reaches %q only", p.Scrapers))
	}
	return problem.New(problem.Role, fmt.Sprintf("is about scraper %.80q; your token reaches %q only", scraper, p.Scrapers))
}

// challenge says how to log in where that is what is missing.
func challenge(c echo.Context, err error) error {
	d, ok := errors.AsType[*problem.Document](err)
	if !ok || d.Status != http.StatusUnauthorized {
		return err
	}
	scheme := `Bearer realm="scrapelog"`
	if c.Request().Header.Get(echo.HeaderAuthorization) != "" {
		scheme += `, error="invalid_token"`
	}
	c.Response().Header().Set(echo.HeaderWWWAuthenticate, scheme)
	return err
}

// anonymous is the principal of a request that names none.
var anonymous = Principal{Kind: KindNone}

// identify finds who makes a request. The error is a document: of a token that is not
// valid, or of a user who is locked.
func (a *Access) identify(r *http.Request) (Principal, error) {
	if a.Open(r) {
		return Local, nil
	}
	if header := r.Header.Get(echo.HeaderAuthorization); header != "" {
		return a.byToken(r.Context(), header)
	}
	return a.bySession(r)
}

// Open reports whether a request needs no login.
func (a *Access) Open(r *http.Request) bool {
	if !a.users.Load() {
		return a.Unguarded
	}
	return a.OpenLoopback && fromHere(r)
}

// fromHere reports whether a request comes from this machine. One that a trusted proxy
// passes on has the address of the proxy's client.
func fromHere(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return ok && err == nil && local.IP.IsLoopback() && remote.Addr().Unmap().IsLoopback()
}

func (a *Access) byToken(ctx context.Context, header string) (Principal, error) {
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return anonymous, problem.New(problem.Login, `only "Authorization: Bearer slg_…" is known here`)
	}
	t, err := a.Credentials.CheckToken(ctx, strings.TrimSpace(text))
	if errors.Is(err, credentials.ErrNoToken) {
		return anonymous, problem.New(problem.Login, "the token is not known here; was it copied whole?")
	}
	if err != nil {
		return anonymous, err
	}
	p, err := a.ofToken(ctx, t)
	if err == nil {
		a.note(ctx, func(ctx context.Context) error { return a.Credentials.Used(ctx, t) })
	}
	return p, err
}

// note keeps when a login was last used. It is no reason to refuse a request that the
// database takes no writes.
func (a *Access) note(ctx context.Context, keep func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := keep(ctx); err != nil {
		a.Logger.Debug("last use not kept", "error", err)
	}
}

// ofToken returns the principal of a token that is known.
func (a *Access) ofToken(ctx context.Context, t credentials.Token) (Principal, error) {
	switch {
	case !t.RevokedAt.IsZero():
		return anonymous, problem.New(problem.Login, "the token was revoked")
	case !time.Now().Before(t.ExpiresAt):
		return anonymous, problem.New(problem.Login, "the token expired on "+t.ExpiresAt.Format(time.DateOnly))
	}
	u, err := a.user(ctx, t.User, t)
	if err != nil {
		return anonymous, err
	}
	return Principal{Kind: KindToken, User: u.ID, Name: u.Name, Token: t.ID, Role: t.Role.LimitedTo(u.Role), Scrapers: t.Scrapers}, nil
}

// given are the rows that a principal's rights are read from.
type given struct {
	user  credentials.User
	token credentials.Token
}

// user returns the user of a session or a token, unless they may not get in.
func (a *Access) user(ctx context.Context, id uuid.UUID, token credentials.Token) (credentials.User, error) {
	u, err := a.Credentials.ByID(ctx, id)
	if err == nil {
		err = a.prove(ctx, given{u, token})
	}
	switch {
	case errors.Is(err, domain.ErrNotFound) || err == nil && u.Disabled:
		return u, problem.New(problem.Login, "the user was disabled or removed")
	case err != nil:
		return u, err
	}
	if why := a.Locked(id); why != "" {
		return u, problem.New(problem.Role, "this user is locked: "+why)
	}
	return u, nil
}

// prove compares rows with the log before they give anything, unless they are as they
// were compared within the last seconds. Those that give more lock the user.
func (a *Access) prove(ctx context.Context, r given) error {
	if _, proven := a.proven.Load(r); proven {
		return nil
	}
	says, err := a.Credentials.RaisedOf(ctx, r.user, r.token)
	if err != nil {
		return err
	}
	if says != "" {
		return a.Compare(ctx)
	}
	a.proven.Store(r, true)
	return nil
}
