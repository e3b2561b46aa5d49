package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scrapelog/domain"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/access"
	"scrapelog/handlers/gate/gatetest"
	chrome "scrapelog/handlers/web/webtest/browser"
)

// rolePassword is that of every user of these tests, whose names are their roles.
const rolePassword = "correct horse battery"

// TestRoles plays a service with a user of each role on both databases: what each is
// shown and may ask for, in a browser and without one, and when it ends.
func TestRoles(t *testing.T) {
	if testing.Short() {
		t.Skip("needs PostgreSQL and Chromium; make test runs it")
	}
	t.Parallel()
	chromium, stop := chrome.Start(t.Context())
	t.Cleanup(stop)
	if err := chromedp.Do(chromium); err != nil {
		t.Fatal(err)
	}
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		s := startRoles(t, db)
		for _, role := range domain.UserRoles {
			s.seesWhatItMay(s.login(role))
			s.inABrowser(chromium, role)
		}
		s.endsWithItsSession()
	})
}

// roles is a service with users, a scraper with params and headers, and a run with params.
type roles struct {
	*testing.T
	base, run string
	position  int64 // of the event that configured the scraper
}

// someone is a browser without scripts.
type someone struct {
	*roles
	role   domain.Role
	client *http.Client
	jar    *cookiejar.Jar
}

func startRoles(t *testing.T, db eventstoretest.Database) *roles {
	listen := gatetest.FreeAddress(t)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "secrets: {SHOP_TOKEN: [\"127.0.0.1:9\"]}\n")
	start(t, "serve", "--config", config, "--listen", listen, "--db", db.URL)
	s := &roles{T: t, base: "http://" + listen}
	a := api{t, s.base}
	a.ready()
	if code := a.do("PUT", "/api/v1/scrapers/shop", `{"url":"http://127.0.0.1:9/shop","params":{"CANARY-PARAM":1},"headers_env":{"X-Canary-Header":"SHOP_TOKEN"},"recovery":{"enabled":false}}`, nil); code != 201 {
		t.Fatalf("configuring: %d", code)
	}
	var r run
	if code := a.do("POST", "/api/v1/scrapers/shop/runs", `{"params":{"CANARY-RUN":2}}`, &r); code != 201 {
		t.Fatalf("starting: %d", code)
	}
	s.run, s.position = r.ID, 1
	await(t, 30*time.Second, "the run has ended", func() bool { return a.run(s.run).Status == "failed" })
	nobody := s.someone()
	for _, role := range []domain.Role{domain.RoleAdmin, domain.RoleOperate, domain.RoleView} { // the first must be an admin
		res := nobody.submit("/people", "name", string(role), "role", string(role), "password", rolePassword)
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("adding %s: %d", role, res.StatusCode)
		}
		nobody = s.login(domain.RoleAdmin)
	}
	return s
}

func (s *roles) someone() someone {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	return someone{roles: s, jar: jar, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (s *roles) login(role domain.Role) someone {
	s.Helper()
	one := s.someone()
	one.role = role
	if res := one.submit("/login", "name", string(role), "password", rolePassword, "next", "/runs"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/runs" {
		s.Fatalf("%s cannot log in: %d", role, res.StatusCode)
	}
	return one
}

// submit sends a form, given as names and values.
func (o someone) submit(path string, fields ...string) *http.Response {
	o.Helper()
	form := url.Values{}
	for ; len(fields) > 0; fields = fields[2:] {
		form.Set(fields[0], fields[1])
	}
	res, err := o.client.PostForm(o.base+path, form)
	if err != nil {
		o.Fatal(err)
	}
	res.Body.Close()
	return res
}

func (o someone) get(path string) (int, string, http.Header) {
	o.Helper()
	res, err := o.client.Get(o.base + path)
	if err != nil {
		o.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		o.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

// seesWhatItMay asks for every page and every answer of the API. Those who may only view
// are shown no param and no header.
func (s *roles) seesWhatItMay(o someone) {
	told := 0
	for _, row := range access.Table {
		if row.Method != http.MethodGet || row.Stream || strings.HasSuffix(row.Path, "*") {
			continue
		}
		path := strings.NewReplacer("/runs/:id", "/runs/"+s.run, "/scrapers/:name", "/scrapers/shop", ":position", fmt.Sprint(s.position),
			"/streams/:name", "/streams/scraper-shop").Replace(row.Path)
		code, text, header := o.get(path)
		switch allowed := o.role.Allows(row.Least) || row.Least == access.Open || row.Least == access.Anyone; {
		case !allowed && (code != http.StatusForbidden || !strings.Contains(strings.ToLower(text), "needs "+string(row.Least))):
			s.Errorf("%s asks for %s: %d, want 403 with what is needed", o.role, path, code)
		case allowed && code == http.StatusForbidden && !strings.HasSuffix(path, "proof.json"), code >= 500:
			s.Errorf("%s asks for %s: %d", o.role, path, code)
		}
		if strings.HasPrefix(header.Get("Content-Type"), "text/html") && header.Get("Cache-Control") != "private, no-store" {
			s.Errorf("%s: Cache-Control %q", path, header.Get("Cache-Control"))
		}
		if strings.Contains(strings.ToLower(text), "canary") {
			if told++; o.role == domain.RoleView {
				s.Errorf("view sees in %s: %s", path, around(text, "anary"))
			}
		}
	}
	for _, path := range []string{"/events?text=CANARY", "/scrapers/shop?tab=configuration", "/runs/" + s.run + "?view=json", "/events?view=json", "/streams/run-" + s.run, "/streams/run-" + s.run + "/events.ndjson"} {
		if code, text, _ := o.get(path); o.role == domain.RoleView && strings.Contains(strings.ReplaceAll(text, "text=CANARY", ""), "CANARY-") || code != 200 {
			s.Errorf("%s sees in %s: %d %s", o.role, path, code, around(text, "CANARY-"))
		}
	}
	for _, path := range []string{"/api/v1/events/stream?after=0", "/api/v1/watch?id=" + string(o.role), "/live?id=" + string(o.role)} {
		if text := o.beginning(path); o.role == domain.RoleView && strings.Contains(text, "CANARY") {
			s.Errorf("view hears in %s: %s", path, around(text, "CANARY"))
		}
	}
	if o.role != domain.RoleView && told < 5 {
		s.Errorf("%s sees params and headers in %d answers", o.role, told)
	}
	want := http.StatusForbidden
	if o.role.Allows(domain.RoleOperate) {
		want = http.StatusSeeOther
	}
	for _, action := range []string{"pause", "resume"} {
		if res := o.submit("/scrapers/shop/"+action, "reason", "by "+string(o.role)); res.StatusCode != want {
			s.Errorf("%s to %s: %d", o.role, action, res.StatusCode)
		}
	}
}

// beginning is what a stream sends until its first beat.
func (o someone) beginning(path string) string {
	ctx, cancel := context.WithTimeout(o.Context(), time.Minute)
	defer cancel()
	lines := o.stream(ctx, path)
	var text strings.Builder
	for line := range lines {
		text.WriteString(line + "\n")
		if strings.Contains(line, "beat") || strings.Contains(line, "event: position") || strings.Contains(line, "event: state") || strings.HasPrefix(line, "id: 4") {
			break
		}
	}
	return text.String()
}

// stream opens a stream and yields its lines until it or ctx ends.
func (o someone) stream(ctx context.Context, path string) <-chan string {
	o.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.base+path, nil)
	if err != nil {
		o.Fatal(err)
	}
	res, err := o.client.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		o.Fatalf("%s: %v, %v", path, res, err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		defer res.Body.Close()
		for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// inABrowser logs in by the form that a page turns out to need, looks around, and logs out.
func (s *roles) inABrowser(chromium context.Context, role domain.Role) {
	tab, closeTab := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	defer closeTab()
	shows := func(what, expression string) {
		s.Helper()
		pageShows(s.T, tab, time.Minute, string(role)+": "+what, expression)
	}
	do := func(script string) {
		s.Helper()
		if _, err := chromedp.Run(tab, chromedp.Evaluate[any](script+"; null")); err != nil {
			s.Fatal(err)
		}
	}
	if err := chromedp.Do(tab, chromedp.Navigate(s.base+"/scrapers/shop?tab=configuration")); err != nil {
		s.Fatal(err)
	}
	shows("the login", `document.querySelector("h1").textContent === "Log in" && !document.querySelector(".rail")`)
	do(`document.querySelector("[name=name]").value = "` + string(role) + `"; document.querySelector("[name=password]").value = "` + rolePassword + `"; document.querySelector("button").click()`)
	shows("the page that was asked for", `location.pathname === "/scrapers/shop" && document.querySelector(".who").textContent.includes("`+string(role)+`")`)
	may := fmt.Sprint(role.Allows(domain.RoleOperate))
	shows("its buttons", `Boolean(document.querySelector('[href="/scrapers/shop/pause"]')) === `+may+` && document.body.textContent.includes("CANARY-PARAM") === `+may)
	shows("its menu", `Boolean(document.querySelector('.rail [href="/people"]')) === `+fmt.Sprint(role == domain.RoleAdmin))
	do(`document.querySelector('.who form button').click()`)
	shows("the login again", `location.pathname === "/login" && document.querySelector("h1").textContent === "Log in"`)
}

// endsWithItsSession: a cookie that was stolen before a logout is dead after it, and the
// streams end of a session that ended, of a user who was disabled, and of one whose role
// changed.
func (s *roles) endsWithItsSession() {
	operator, viewer, admin := s.login(domain.RoleOperate), s.login(domain.RoleView), s.login(domain.RoleAdmin)
	at, err := url.Parse(s.base)
	if err != nil {
		s.Fatal(err)
	}
	thief := s.someone()
	thief.jar.SetCookies(at, operator.jar.Cookies(at))
	if code, _, _ := thief.get("/runs"); code != http.StatusOK {
		s.Fatalf("the stolen cookie is not one: %d", code)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 2*time.Minute)
	defer cancel()
	for _, tt := range []struct {
		who someone
		end func()
	}{
		{operator, func() { operator.submit("/logout") }},
		{viewer, func() { admin.submit("/people/" + s.userID(admin, "view") + "/disable") }},
	} {
		var open []<-chan string
		for _, path := range []string{"/api/v1/events/stream?after=1000000", "/api/v1/watch?id=ends", "/live?id=ends"} {
			open = append(open, tt.who.stream(ctx, path))
		}
		tt.end()
		ended := time.Now()
		for _, lines := range open {
			for range lines { // until it ends
			}
		}
		if ctx.Err() != nil {
			s.Errorf("the streams of %s do not end", tt.who.role)
		}
		s.Logf("the streams of %s ended after %s", tt.who.role, time.Since(ended).Round(time.Millisecond)) // 5 s on a quiet machine
	}
	if code, text, _ := thief.get("/runs"); code != http.StatusUnauthorized || !strings.Contains(text, "Log in") {
		s.Errorf("the stolen cookie after the logout: %d", code)
	}
}

// userID returns the id of a user by name.
func (s *roles) userID(admin someone, name string) string {
	var users struct {
		Users []struct{ ID, Name string }
	}
	_, text, _ := admin.get("/api/v1/users")
	if err := json.Unmarshal([]byte(text), &users); err != nil {
		s.Fatal(err)
	}
	for _, u := range users.Users {
		if u.Name == name {
			return u.ID
		}
	}
	s.Fatalf("no user %s in %s", name, text)
	return ""
}
