package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"scrapelog/eventstore/credentials"
	"scrapelog/handlers/access"
	"scrapelog/handlers/web/webtest"
)

// as lets someone send a request.
func as(p access.Principal, r *http.Request) *http.Request {
	return r.WithContext(access.With(r.Context(), p))
}

// submit sends a form as someone.
func submit(e *echo.Echo, p access.Principal, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return ask(e, as(p, r))
}

var stranger = access.Principal{Kind: access.KindNone}

func TestALogin(t *testing.T) {
	s := webtest.New()
	e := serve(s)
	for next, want := range map[string]string{
		"": "/", "/runs?q=a%20b": "/runs?q=a%20b", "//evil.example/": "/", "https://evil.example/": "/", `/\evil.example`: "/", "javascript:alert(1)": "/",
		"/\tevil": "/", "/%zz": "/", "/login?next=/": "/", "/logout": "/", "runs": "/", "/..//evil.example": "/..//evil.example",
	} {
		w := submit(e, stranger, "/login", url.Values{"name": {"ada"}, "password": {webtest.Password}, "next": {next}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("next %q leads to %d %q, want %q", next, w.Code, w.Header().Get("Location"), want)
		}
	}
	var pages []string
	for _, name := range []string{"ada", "nobody", strings.Repeat("x", 70)} {
		w := submit(e, stranger, "/login", url.Values{"name": {name}, "password": {"wrong"}, "next": {"/runs"}})
		doc := document(t, w)
		if next, _ := doc.Find("input[name=next]").Attr("value"); w.Code != http.StatusUnauthorized || next != "/runs" || doc.Find(".rail").Length() > 0 {
			t.Errorf("%s: %d, next %q", name, w.Code, next)
		}
		pages = append(pages, doc.Find("[role=alert]").Text())
	}
	if pages[0] == "" || pages[0] != pages[1] || pages[1] != pages[2] || !strings.Contains(pages[0], "wait 10 s") {
		t.Errorf("refusals differ: %q", pages)
	}
	if w := ask(e, as(webtest.As(webtest.Ada), httptest.NewRequest(http.MethodGet, "http://localhost/login?next=/runs", nil))); w.Header().Get("Location") != "/runs" {
		t.Errorf("who is logged in already is led to %d %s", w.Code, w.Header().Get("Location"))
	}
	if w := submit(e, webtest.As(webtest.Ada), "/logout", nil); w.Header().Get("Location") != "/login" || s.Accounts.Done[len(s.Accounts.Done)-1] != "logout" {
		t.Errorf("a logout: %d %v", w.Code, s.Accounts.Done)
	}
}

// TestFormsOfAccounts sends each form that the pages of accounts have.
func TestFormsOfAccounts(t *testing.T) {
	ada, vera := webtest.As(webtest.Ada), webtest.Vera.ID.String()
	by := "user:" + webtest.Ada.ID.String()
	const recorded = "?recorded=150"
	tests := map[string]struct {
		path  string
		form  url.Values
		done  string // what was done; empty: nothing
		leads string // where it leads; empty: it is answered with want
		want  int
	}{
		"a session":                  {path: "/account/sessions/b81c55e0aa/end", done: "end b81c55e0aa", leads: "/account"},
		"the other sessions":         {path: "/account/sessions/end", done: "end all but " + ada.Session, leads: "/account"},
		"the password":               {path: "/account/password", form: url.Values{"old": {webtest.Password}, "password": {"a new password"}}, done: "change password", leads: "/account" + recorded},
		"a wrong old password":       {path: "/account/password", form: url.Values{"old": {"wrong"}, "password": {"a new password"}}, want: 403},
		"a token":                    {path: "/account/tokens", form: url.Values{"name": {"ci"}, "role": {"view"}, "scrapers": {"shop-*"}, "expires": {"30d"}}, done: "issue ci " + webtest.Ada.ID.String() + ` view "shop-*" 720h0m0s`, want: 201},
		"a token for ever":           {path: "/account/tokens", form: url.Values{"name": {"ci"}, "role": {"view"}, "expires": {"9999d"}}, want: 400},
		"a revoked token":            {path: "/account/tokens/h4k2m7p3q5r6s8t9/revoke", done: by + " revokes h4k2m7p3q5r6s8t9", leads: "/account" + recorded},
		"someone else's token":       {path: "/account/tokens/none/revoke", want: 404},
		"a new person":               {path: "/people", form: url.Values{"name": {"lin"}, "role": {"view"}, "password": {"a new password"}}, done: "add lin view", leads: "/people" + recorded},
		"a person with a short word": {path: "/people", form: url.Values{"name": {"lin"}, "role": {"view"}, "password": {"short"}}, want: 400},
		"a role":                     {path: "/people/" + vera + "/role", form: url.Values{"role": {"operate"}}, done: by + " gives " + vera + " operate", leads: "/people" + recorded},
		"a disabled person":          {path: "/people/" + vera + "/disable", done: by + " disables " + vera, leads: "/people" + recorded},
		"a password of another":      {path: "/people/" + vera + "/password", form: url.Values{"password": {"a new password"}}, done: by + " sets the password of " + vera, leads: "/people" + recorded},
		"a removed person":           {path: "/people/" + vera + "/remove", done: "remove " + vera, leads: "/people" + recorded},
		"nobody":                     {path: "/people/" + webtest.RunID(99).String() + "/remove", want: 404},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := webtest.New()
			w := submit(serve(s), ada, tt.path, tt.form)
			if tt.leads != "" {
				tt.want = http.StatusSeeOther
			}
			if got := strings.Join(s.Accounts.Done, ", "); w.Code != tt.want || w.Header().Get("Location") != tt.leads || got != tt.done {
				t.Errorf("%d to %q, done %q", w.Code, w.Header().Get("Location"), got)
			}
		})
	}
}

func TestATokenIsShownOnce(t *testing.T) {
	e := serve(webtest.New())
	w := submit(e, webtest.As(webtest.Ada), "/account/tokens", url.Values{"name": {"ci"}, "role": {"view"}, "expires": {"30d"}})
	if !strings.Contains(w.Body.String(), "slg_") || w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if page := ask(e, as(webtest.As(webtest.Ada), httptest.NewRequest(http.MethodGet, "http://localhost/account", nil))); strings.Contains(page.Body.String(), "slg_h4") {
		t.Error("it is shown again")
	}
}

// TestTheSetupLink makes the first admin, and a wrong one says so.
func TestTheSetupLink(t *testing.T) {
	s := webtest.New()
	s.Accounts.People = nil
	e := serve(s)
	form := url.Values{"token": {"wrong"}, "name": {"ada"}, "password": {webtest.Password}}
	if w := submit(e, stranger, "/setup", form); w.Code != http.StatusUnauthorized || !strings.Contains(document(t, w).Find("[role=alert]").Text(), "older than 15 minutes") {
		t.Errorf("a wrong link: %d", w.Code)
	}
	form.Set("token", "token")
	if w := submit(e, stranger, "/setup", form); w.Header().Get("Location") != "/people" || strings.Join(s.Accounts.Done, ", ") != "set up ada, login ada" {
		t.Errorf("%d %v", w.Code, s.Accounts.Done)
	}
}

// TestNoPageOffersWhatItsViewerMayNot looks at each story as each kind of user: every form
// and every question that a page has is one that its viewer may send.
func TestNoPageOffersWhatItsViewerMayNot(t *testing.T) {
	router := serve(webtest.New())
	may := func(viewer access.Principal, method, url string) bool {
		c := router.NewContext(httptest.NewRequest(method, "http://localhost/", nil), nil)
		path, _, _ := strings.Cut(url, "?")
		router.Router().Find(method, path, c)
		return access.May(access.With(t.Context(), viewer), method, c.Path())
	}
	offered := map[string]int{}
	for _, story := range webtest.Stories() {
		e := webtest.Echo(story.Service().Handler(story.Service(), nil))
		for _, u := range []credentials.User{webtest.Vera, webtest.Grace, webtest.Ada} {
			viewer := webtest.As(u)
			if !may(viewer, http.MethodGet, story.Path) {
				continue // it is answered 403, or there is no such page
			}
			doc := document(t, ask(e, as(viewer, httptest.NewRequest(http.MethodGet, "http://localhost"+story.Path, nil))))
			doc.Find("form[method=post], [formmethod=post], [formaction], [data-dialog]").Each(func(_ int, at *goquery.Selection) {
				action, method := firstOf(at, "formaction", "action", "href"), http.MethodPost
				if _, asks := at.Attr("data-dialog"); asks {
					method = http.MethodGet
				}
				offered[string(u.Role)]++
				if !may(viewer, method, action) {
					t.Errorf("%s offers %s %s to a user of role %s", story.Name, method, action, u.Role)
				}
			})
		}
	}
	if offered["view"] == 0 || offered["operate"] <= offered["view"] || offered["admin"] <= offered["operate"] {
		t.Errorf("forms and questions by role: %v", offered)
	}
}

func firstOf(s *goquery.Selection, names ...string) string {
	for _, name := range names {
		if value, ok := s.Attr(name); ok {
			return value
		}
	}
	return ""
}

// TestTabsOfDifferentPeopleShareNothing fetches a page again as two people do at once.
func TestTabsOfDifferentPeopleShareNothing(t *testing.T) {
	e := serve(webtest.New())
	page := func(u credentials.User) string {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/scrapers/shop-prices", nil)
		r.Header.Set("HX-Request", "true")
		return ask(e, as(webtest.As(u), r)).Body.String()
	}
	for _, u := range []credentials.User{webtest.Ada, webtest.Vera, webtest.Grace, webtest.Ada} {
		got := page(u)
		if !strings.Contains(got, u.Name) || strings.Contains(got, "/scrapers/shop-prices/pause") != (u.Role != "view") {
			t.Errorf("%s gets the page of another", u.Name)
		}
	}
}

// TestWhoMustLogInIsAskedTo, and comes back to where they were.
func TestWhoMustLogInIsAskedTo(t *testing.T) {
	s := webtest.New()
	h := s.Handler(s, nil)
	e := echo.New()
	for method, tt := range map[string]struct{ referer, next string }{
		http.MethodGet: {"", "/runs?q=a"}, http.MethodPost: {"http://localhost/scrapers/shop", "/scrapers/shop"}, http.MethodPut: {"http://evil.example/x", "/"},
	} {
		r := httptest.NewRequest(method, "http://localhost/runs?q=a", nil)
		r.Header.Set("Referer", tt.referer)
		w := httptest.NewRecorder()
		h.Error(echo.ErrUnauthorized, e.NewContext(as(stranger, r), w))
		doc := document(t, w)
		if next, _ := doc.Find("input[name=next]").Attr("value"); w.Code != http.StatusUnauthorized || next != tt.next || doc.Find("#live, .rail").Length() > 0 {
			t.Errorf("%s: %d, next %q", method, w.Code, next)
		}
	}
}
