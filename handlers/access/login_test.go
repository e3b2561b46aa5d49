package access_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"scrapelog/domain"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/access"
)

// login logs a user in and returns the cookie.
func (h *house) login(name, password string) (cookie string, err error) {
	w := httptest.NewRecorder()
	_, err = h.Login(w, httptest.NewRequest("POST", "/login", nil), name, password)
	return w.Header().Get("Set-Cookie"), err
}

func (h *house) with(cookie, method, path string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Cookie", cookie)
	return r
}

func (h *house) status(r *http.Request) int {
	w := httptest.NewRecorder()
	h.echo.ServeHTTP(w, r)
	return w.Code
}

func TestACookieThatWasStolenIsDeadAfterTheLogout(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		h := open(t, db, nil)
		h.user("ada", domain.RoleAdmin)
		h.until("a login is never needed", func() bool { return h.ask("GET", "/runs", "").Code == http.StatusUnauthorized })
		cookie, err := h.login("ada", password)
		if err != nil || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
			t.Fatalf("%q, %v", cookie, err)
		}
		if status := h.status(h.with(cookie, "GET", "/runs")); status != 200 {
			t.Fatalf("with the cookie: %d", status)
		}
		if err := h.Logout(httptest.NewRecorder(), h.with(cookie, "POST", "/logout")); err != nil {
			t.Fatal(err)
		}
		if status := h.status(h.with(cookie, "GET", "/runs")); status != http.StatusUnauthorized {
			t.Errorf("after the logout: %d", status)
		}
	})
}

func TestLoginsAreBoundedByNameAndAlwaysRefusedAlike(t *testing.T) {
	h := open(t, eventstoretest.SQLite(t), nil)
	h.user("ada", domain.RoleAdmin)
	h.until("a login is never needed", func() bool { return h.ask("GET", "/runs", "").Code == http.StatusUnauthorized })
	_, first := h.login("ada", "wrong")
	for range 4 {
		if _, err := h.login("ada", "wrong"); err == nil || err.Error() != first.Error() {
			t.Errorf("%v, first %v", err, first)
		}
	}
	if _, err := h.login("ada", password); err == nil || err.Error() != first.Error() {
		t.Errorf("the sixth try: %v", err)
	}
}

func TestAStreamEndsWithWhatItWasOpenedOn(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		h := open(t, db, nil)
		h.user("ada", domain.RoleAdmin)
		bob := h.user("bob", domain.RoleView)
		for name, end := range map[string]func(token string) error{
			"revoked": func(id string) error { _, err := h.store.Revoke(t.Context(), "cli", id); return err },
			"role": func(string) error {
				_, err := h.store.SetRole(t.Context(), "cli", bob.ID, domain.RoleOperate)
				return err
			},
			"disabled": func(string) error { _, err := h.store.Disable(t.Context(), "cli", bob.ID); return err },
		} {
			if _, err := h.store.SetRole(t.Context(), "cli", bob.ID, domain.RoleAdmin); err != nil {
				t.Fatal(err)
			}
			id, _ := h.token(bob, credentials.Grant{Role: domain.RoleAdmin})
			p := access.Principal{Kind: access.KindToken, User: bob.ID, Name: "bob", Token: id, Role: domain.RoleAdmin}
			if may, err := h.StillAllowed(t.Context(), p); !may || err != nil {
				t.Fatalf("%s: before: %v, %v", name, may, err)
			}
			if err := end(id); err != nil {
				t.Fatal(err)
			}
			if may, err := h.StillAllowed(t.Context(), p); may || err != nil {
				t.Errorf("%s: after: %v, %v", name, may, err)
			}
		}
	})
}

// TestAnOpenStreamEnds: a stream that is open on a connection ends within five seconds.
func TestAnOpenStreamEnds(t *testing.T) {
	for name, end := range map[string]func(h *house, user uuid.UUID, token string) error{
		"revoked": func(h *house, _ uuid.UUID, id string) error {
			_, err := h.store.Revoke(h.Context(), "cli", id)
			return err
		},
		"role": func(h *house, user uuid.UUID, _ string) error {
			_, err := h.store.SetRole(h.Context(), "cli", user, domain.RoleView)
			return err
		},
		"edited": func(h *house, _ uuid.UUID, _ string) error {
			return h.log.InTx(h.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE users SET role = 'admin' WHERE name = 'bob'`)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, eventstoretest.SQLite(t), nil)
			h.user("ada", domain.RoleAdmin)
			bob := h.user("bob", domain.RoleOperate)
			id, token := h.token(bob, credentials.Grant{Role: domain.RoleOperate})
			h.until("a login is never needed", func() bool { return h.ask("GET", "/runs", "").Code == http.StatusUnauthorized })
			opened, ended := make(chan struct{}), make(chan struct{})
			h.echo.GET("/api/v1/watch", func(c echo.Context) error {
				close(opened)
				<-c.Request().Context().Done()
				return nil
			})
			go func() { defer close(ended); h.ask("GET", "/api/v1/watch", token) }()
			<-opened
			if err := end(h, bob.ID, id); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			select {
			case <-ended:
				t.Logf("after %v", time.Since(began).Round(time.Millisecond))
			case <-time.After(eventstoretest.Patience):
				t.Fatal("it goes on")
			}
		})
	}
}

// TestAnEditedRowIsNeverInForce: the first request with rights that an edit gives is refused,
// long before the comparison of each minute, and the user stays locked out.
func TestAnEditedRowIsNeverInForce(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		h := open(t, db, nil)
		h.user("ada", domain.RoleAdmin)
		bob := h.user("bob", domain.RoleView)
		_, token := h.token(bob, credentials.Grant{Role: domain.RoleView})
		h.until("a login is never needed", func() bool { return h.ask("GET", "/runs", "").Code == http.StatusUnauthorized })
		if w := h.ask("GET", "/api/v1/runs", token); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, statement := range []string{`UPDATE users SET role = 'admin' WHERE name = 'bob'`, `UPDATE tokens SET role = 'admin'`} {
			if err := h.log.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statement)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/api/v1/users", "/api/v1/runs"} {
				if w := h.ask("GET", path, token); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "this user is locked") {
					t.Errorf("%s: %s: %d %s", statement, path, w.Code, w.Body)
				}
			}
		}
		if len(h.Troubles()) != 1 {
			t.Errorf("troubles: %q", h.Troubles())
		}
	})
}

// TestWritesOfAUserAreBounded: all tokens of a user count together, and reading and others
// are not slowed down.
func TestWritesOfAUserAreBounded(t *testing.T) {
	h := open(t, eventstoretest.SQLite(t), nil)
	ada := h.user("ada", domain.RoleAdmin)
	bob := h.user("bob", domain.RoleOperate)
	_, one := h.token(ada, credentials.Grant{Role: domain.RoleOperate})
	_, two := h.token(ada, credentials.Grant{Role: domain.RoleOperate})
	_, his := h.token(bob, credentials.Grant{Role: domain.RoleOperate})
	h.until("a login is never needed", func() bool { return h.ask("GET", "/runs", "").Code == http.StatusUnauthorized })
	var refused *httptest.ResponseRecorder
	began, taken := time.Now(), 0
	for ; taken < 20_000 && refused == nil; taken++ {
		if w := h.ask("POST", "/api/v1/scrapers/shop/pause", []string{one, two}[taken%2]); w.Code != http.StatusOK {
			refused = w
		}
	}
	if most := 1000 + 100*(time.Since(began).Seconds()+1); refused == nil || taken < 1000 || float64(taken) > most {
		t.Fatalf("%d were taken in %v, at most %.0f", taken, time.Since(began), most)
	}
	if refused.Code != http.StatusTooManyRequests || refused.Header().Get("Retry-After") != "1" || !strings.Contains(refused.Body.String(), "at 100 a second") {
		t.Errorf("%d %v %s", refused.Code, refused.Header(), refused.Body)
	}
	for path, token := range map[string]string{"GET /api/v1/runs": one, "POST /api/v1/scrapers/shop/pause": his} {
		method, path, _ := strings.Cut(path, " ")
		if w := h.ask(method, path, token); w.Code != http.StatusOK {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
}

func TestASetupLinkIsGoodOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key", "setup.json")
	h := open(t, eventstoretest.SQLite(t), func(c *access.Config) { c.Unguarded, c.SetupFile = false, file })
	if status := h.ask("GET", "/runs", "").Code; status != http.StatusUnauthorized {
		t.Errorf("before there is a user: %d", status)
	}
	if err := access.WriteSetup(file); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.Split(string(text), `"`)[3]
	r := httptest.NewRequest("POST", "/api/v1/setup", nil)
	if _, _, err := h.SetUp(r, "x", "ada", password); err == nil {
		t.Error("another token was taken")
	}
	if u, _, err := h.SetUp(r, token, "ada", password); err != nil || u.Role != domain.RoleAdmin {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, _, err := h.SetUp(r, token, "eve", password); err == nil {
		t.Error("the link was good twice")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file stays: %v", err)
	}
}
