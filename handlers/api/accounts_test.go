package api_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

const passphrase = "correct horse battery"

func bearer(text string) []string { return []string{"Authorization", "Bearer " + text} }

// TestAccounts walks the routes of users, tokens and logins, and holds each answer
// against its description.
func TestAccounts(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s, d := start(t, db), readDocument(t)
		operations, seen := d.operations(), map[string]bool{}
		ask := func(status int, method, route, path, body string, header ...string) answer {
			t.Helper()
			a := s.expect(status, method, path, body, header...)
			d.conforms(t, operations[method+" "+route], method, path, a)
			seen[fmt.Sprint(method, " ", route, " ", status)] = true
			return a
		}
		ask(409, "POST", "/api/v1/tokens", "/api/v1/tokens", `{"name":"ci","role":"view"}`)
		ask(404, "GET", "/debug/pprof/", "/debug/pprof/", "")
		for _, name := range []string{"heap", "goroutine?debug=2", "profile?seconds=1", "cmdline"} {
			s.expect(404, "GET", "/debug/pprof/"+name, "") // nobody has to log in yet
		}
		ask(409, "POST", "/api/v1/login", "/api/v1/login", `{"name":"ada","password":"`+passphrase+`"}`)
		ask(400, "POST", "/api/v1/users", "/api/v1/users", `{"name":"ada","role":"view","password":"`+passphrase+`"}`)
		ask(201, "POST", "/api/v1/users", "/api/v1/users", `{"name":"ada","role":"admin","password":"`+passphrase+`"}`).position(t)
		ask(401, "GET", "/api/v1/users", "/api/v1/users", "")
		if a := ask(401, "POST", "/api/v1/login", "/api/v1/login", `{"name":"ada","password":"wrong"}`); string(a.body) != string(ask(401, "POST", "/api/v1/login", "/api/v1/login", `{"name":"eve","password":"wrong"}`).body) {
			t.Errorf("an unknown name has another answer: %s", a.body)
		}
		var login struct{ Token, ID string }
		ask(201, "POST", "/api/v1/login", "/api/v1/login", `{"name":"Ada","password":"`+passphrase+`"}`).decode(t, &login)
		admin := bearer(login.Token)

		ask(201, "POST", "/api/v1/users", "/api/v1/users", `{"name":"bob","role":"operate","password":"`+passphrase+`"}`, admin...)
		ask(409, "POST", "/api/v1/users", "/api/v1/users", `{"name":"BOB","role":"view","password":"`+passphrase+`"}`, admin...)
		var bob, ci struct{ Token, ID string }
		ask(201, "POST", "/api/v1/tokens", "/api/v1/tokens", `{"name":"bob","role":"operate","expires":"30d"}`, admin...).decode(t, &bob)
		ask(201, "POST", "/api/v1/tokens", "/api/v1/tokens", `{"name":"ci","role":"view","scrapers":"shop-*"}`, admin...).decode(t, &ci)
		ask(400, "POST", "/api/v1/tokens", "/api/v1/tokens", `{"name":"ci","role":"view","expires":"366d"}`, admin...)
		ask(400, "POST", "/api/v1/tokens", "/api/v1/tokens", `{"name":"x","user":"bob","role":"admin"}`, admin...)
		if a := ask(403, "GET", "/api/v1/tokens", "/api/v1/tokens", "", bearer(bob.Token)...); !strings.Contains(string(a.body), "needs admin; your token is operate") {
			t.Errorf("%s", a.body)
		}
		if a := ask(200, "GET", "/api/v1/tokens", "/api/v1/tokens?user=bob", "", admin...); strings.Contains(string(a.body), ci.ID) || !strings.Contains(string(a.body), bob.ID) || strings.Contains(string(a.body), "slg_") {
			t.Errorf("%s", a.body)
		}
		ask(200, "GET", "/api/v1/users", "/api/v1/users", "", admin...)
		ask(200, "GET", "/debug/pprof/", "/debug/pprof/", "", admin...)
		ask(403, "GET", "/debug/pprof/", "/debug/pprof/", "", bearer(bob.Token)...)
		for _, name := range []string{"heap", "goroutine?debug=1", "allocs", "block", "mutex", "threadcreate", "trace?seconds=0.01"} {
			ask(200, "GET", "/debug/pprof/{name}", "/debug/pprof/"+name, "", admin...)
			ask(403, "GET", "/debug/pprof/{name}", "/debug/pprof/"+name, "", bearer(bob.Token)...)
		}
		for _, name := range []string{"cmdline", "symbol", "nothing", "heap%2f"} {
			ask(404, "GET", "/debug/pprof/{name}", "/debug/pprof/"+name, "", admin...)
		}
		ask(200, "GET", "/api/v1/account", "/api/v1/account", "", bearer(ci.Token)...)
		ask(200, "GET", "/api/v1/account/tokens", "/api/v1/account/tokens", "", bearer(bob.Token)...)
		ask(404, "DELETE", "/api/v1/account/tokens/{id}", "/api/v1/account/tokens/"+ci.ID, "", bearer(bob.Token)...)
		ask(200, "GET", "/api/v1/account/sessions", "/api/v1/account/sessions", "", bearer(bob.Token)...)
		ask(409, "POST", "/api/v1/account/password", "/api/v1/account/password", `{"old":"x","password":"another long one"}`, bearer(bob.Token)...)
		ask(403, "GET", "/api/v1/scrapers/{name}", "/api/v1/scrapers/other", "", bearer(ci.Token)...)

		ask(200, "POST", "/api/v1/users/{user}/role", "/api/v1/users/bob/role", `{"role":"view"}`, admin...)
		if a := ask(403, "POST", "/api/v1/scrapers/{name}/pause", "/api/v1/scrapers/shop/pause", "", bearer(bob.Token)...); !strings.Contains(string(a.body), "needs operate; your token is view") {
			t.Errorf("a token has more than its user: %s", a.body)
		}
		ask(200, "POST", "/api/v1/users/{user}/password", "/api/v1/users/bob/password", `{"password":"another long one"}`, admin...)
		ask(200, "POST", "/api/v1/users/{user}/disable", "/api/v1/users/bob/disable", "", admin...)
		ask(401, "GET", "/api/v1/account", "/api/v1/account", "", bearer(bob.Token)...)
		ask(409, "POST", "/api/v1/users/{user}/disable", "/api/v1/users/ada/disable", "", admin...)
		ask(204, "DELETE", "/api/v1/tokens/{id}", "/api/v1/tokens/"+ci.ID, "", admin...)
		ask(401, "GET", "/api/v1/account", "/api/v1/account", "", bearer(ci.Token)...)
		ask(204, "DELETE", "/api/v1/users/{user}", "/api/v1/users/bob", "", admin...)
		ask(404, "GET", "/api/v1/users/{user}", "/api/v1/users/bob", "", admin...)
		ask(401, "POST", "/api/v1/setup", "/api/v1/setup", `{"token":"x","name":"eve","password":"`+passphrase+`"}`)
		if events := string(s.expect(200, "GET", "/api/v1/events", "", admin...).body); strings.Contains(events, `"bob"`) || strings.Contains(events, "argon2") {
			t.Errorf("the log holds what it cannot forget: %s", events)
		}
		ask(400, "POST", "/api/v1/users/{user}/role", "/api/v1/users/ada/role", `{"role":"root"}`, admin...)
		ask(409, "POST", "/api/v1/users/{user}/role", "/api/v1/users/ada/role", `{"role":"view"}`, admin...)
		ask(400, "POST", "/api/v1/users/{user}/password", "/api/v1/users/ada/password", `{"password":"short"}`, admin...)
		for _, change := range []string{"role", "password", "disable"} {
			ask(404, "POST", "/api/v1/users/{user}/"+change, "/api/v1/users/bob/"+change, "", admin...)
		}
		ask(404, "DELETE", "/api/v1/users/{user}", "/api/v1/users/bob", "", admin...)
		ask(404, "DELETE", "/api/v1/tokens/{id}", "/api/v1/tokens/none", "", admin...)
		ask(404, "GET", "/api/v1/tokens", "/api/v1/tokens?user=bob", "", admin...)
		ask(404, "POST", "/api/v1/tokens", "/api/v1/tokens", `{"name":"x","user":"bob","role":"view"}`, admin...)
		ask(200, "GET", "/api/v1/users/{user}", "/api/v1/users/ada", "", admin...)

		one, other := s.cookie("ada"), s.cookie("ada")
		ask(401, "POST", "/api/v1/account/password", "/api/v1/account/password", `{"old":"x","password":"another long one"}`, one...)
		var list struct {
			Sessions []struct {
				ID      string
				Current bool
			}
		}
		ask(200, "GET", "/api/v1/account/sessions", "/api/v1/account/sessions", "", one...).decode(t, &list)
		if len(list.Sessions) != 2 || list.Sessions[0].Current == list.Sessions[1].Current {
			t.Fatalf("sessions %+v", list)
		}
		for _, x := range list.Sessions {
			if !x.Current {
				ask(204, "DELETE", "/api/v1/account/sessions/{id}", "/api/v1/account/sessions/"+x.ID, "", one...)
				ask(404, "DELETE", "/api/v1/account/sessions/{id}", "/api/v1/account/sessions/"+x.ID, "", one...)
			}
		}
		ask(401, "GET", "/api/v1/account", "/api/v1/account", "", other...)
		changed := ask(204, "POST", "/api/v1/account/password", "/api/v1/account/password", `{"old":"`+passphrase+`","password":"another long one"}`, one...)
		ask(401, "GET", "/api/v1/account", "/api/v1/account", "", one...)
		ask(200, "GET", "/api/v1/account", "/api/v1/account", "", "Cookie", changed.header.Get("Set-Cookie"))

		ask(201, "POST", "/api/v1/users", "/api/v1/users", `{"name":"eve","role":"view","password":"`+passphrase+`"}`, admin...)
		ask(409, "DELETE", "/api/v1/users/{user}", "/api/v1/users/ada", "", admin...)
		ask(204, "DELETE", "/api/v1/account/tokens/{id}", "/api/v1/account/tokens/"+login.ID, "", admin...)
		ask(401, "POST", "/api/v1/logout", "/api/v1/logout", "", admin...)
		ask(204, "POST", "/api/v1/logout", "/api/v1/logout", "", "Cookie", changed.header.Get("Set-Cookie"))
		ask(401, "GET", "/api/v1/account", "/api/v1/account", "", "Cookie", changed.header.Get("Set-Cookie"))

		for route, operation := range operations {
			for status := range operation["responses"].(map[string]any) {
				if name := route + " " + status; ofAccess(operation) && status != "default" && !seen[name] && !strings.HasPrefix(name, "POST /api/v1/setup") {
					t.Errorf("%s is described, and no request here leads to it", name)
				}
			}
		}
	})
}

// ofAccess reports whether an operation is about users, tokens or logins.
func ofAccess(operation map[string]any) bool {
	return slices.Equal(operation["tags"].([]any), []any{"access"})
}

// cookie logs a user in, and returns the header that a browser then sends.
func (s *service) cookie(name string) []string {
	s.Helper()
	w := httptest.NewRecorder()
	if _, err := s.access.Login(w, httptest.NewRequest("POST", "/login", nil), name, passphrase); err != nil {
		s.Fatal(err)
	}
	return []string{"Cookie", w.Header().Get("Set-Cookie")}
}
