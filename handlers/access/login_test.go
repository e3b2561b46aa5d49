package access_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
