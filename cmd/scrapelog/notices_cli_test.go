package main_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/gate/gatetest"
)

// TestChannelsAreTested asks a server to test two channels, of which one refuses, and
// lists, shows and retries what became of that. No output has a secret.
func TestChannelsAreTested(t *testing.T) {
	good := newHook(t, nil)
	refuses := newHook(t, func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusTeapot)
		return true
	})
	t.Setenv("GOOD", good.URL+"/xq7-path")
	t.Setenv("BAD", refuses.URL+"/xq7-path")
	t.Setenv("NTFY", "ntfy://user:xq7-word@127.0.0.1:1/xq7-topic?scheme=http")
	t.Setenv("SIGN", webhookSecret)
	addr := gatetest.FreeAddress(t)
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), fmt.Sprintf(`listen: %s
database: "sqlite:%s"
notify:
  to:
    - {name: good, webhook_env: GOOD, secret_env: SIGN}
    - {name: bad, webhook_env: BAD, secret_env: SIGN}
    - {name: push, shoutrrr_env: NTFY}
`, addr, filepath.Join(t.TempDir(), "log.db")))
	server := start(t, "serve", "--config", config)
	a := api{t, "http://" + addr}
	a.ready()
	at := []string{"--server", "http://" + addr}
	var all strings.Builder
	say := func(code int, contains string, args ...string) string {
		t.Helper()
		out, errs, got := command(t, append(args, at...)...)
		all.WriteString(out + errs)
		if got != code || !strings.Contains(out+errs, contains) {
			t.Errorf("%s: exit %d, want %d with %q; stdout %q, stderr %q", strings.Join(args, " "), got, code, contains, out, errs)
		}
		return out
	}
	say(0, "sent", "notify", "test", "good")
	say(1, "2 of 3 channels", "notify", "test")
	say(3, "none", "notify", "test", "none")
	if n := len(good.await(t, 2)); n != 2 {
		t.Errorf("%d tests arrived", n)
	}
	listed := say(0, "HTTP 418", "notices", "list", "--state", "given_up")
	id := strings.Fields(listed[strings.Index(listed, "\n")+1:])[0]
	say(0, "given_up", "notices", "show", id)
	say(0, "pending", "notices", "retry", id)
	say(0, "Test of scrapelog", "notices", "show", "latest")
	say(3, "not found", "notices", "show", "0198c2f4-7c1e-7d3a-9a10-2f6f3b0c5d11")
	sent := strings.Fields(say(0, "good", "notices", "list", "--state", "sent", "--no-headers"))[0]
	say(6, "nothing to retry", "notices", "retry", sent)
	await(t, 30*time.Second, "the metric of the channel", func() bool {
		return strings.Contains(a.text("/metrics"), `scrapelog_notices_total{channel="good",result="sent"} 2`)
	})
	await(t, 30*time.Second, "the page shows what was given up", func() bool {
		page := a.text("/notices")
		return strings.Contains(page, "Given up") && strings.Contains(page, "Test of scrapelog")
	})
	all.WriteString(a.text("/api/v1/notices") + a.text("/notices") + server.out.String())
	for _, hidden := range []string{"xq7", webhookSecret, strings.TrimPrefix(good.URL, "http://")} {
		if strings.Contains(all.String(), hidden) {
			t.Errorf("%q is shown:\n%s", hidden, all.String())
		}
	}
}

// TestChannelsThatCannotWorkAreRefused starts servers whose environment lacks what the
// configuration names.
func TestChannelsThatCannotWorkAreRefused(t *testing.T) {
	t.Setenv("NO_URL", "hidden")
	t.Setenv("URL_FILE", "/does/not/exist/hidden")
	t.Setenv("HOOK", "http://127.0.0.1:1/")
	for name, test := range map[string]struct{ yaml, want string }{
		"a variable that is not set":   {"notify: {to: [{name: a, webhook_env: UNSET_VARIABLE}]}", "UNSET_VARIABLE is not set"},
		"no URL":                       {"notify: {to: [{name: a, webhook_env: NO_URL}]}", "NO_URL holds no URL"},
		"no file":                      {"notify: {to: [{name: a, webhook_env: URL}]}", "URL_FILE names a file that cannot be opened"},
		"no service":                   {"notify: {to: [{name: a, shoutrrr_env: NO_URL}]}", "NO_URL holds no URL of shoutrrr"},
		"no secret":                    {"notify: {to: [{name: a, webhook_env: HOOK, secret_env: NO_URL}]}", "NO_URL holds no secret"},
		"a secret in the file":         {"notify: {to: [{name: a, webhook_env: 'https://hidden'}]}", ":1:38: notify.to[0].webhook_env"},
		"two addresses":                {"notify: {to: [{name: a, webhook_env: A, shoutrrr_env: B}]}", "notify.to[0].shoutrrr_env"},
		"no address":                   {"notify: {to: [{name: a}]}", "notify.to[0]"},
		"an unknown kind":              {"notify: {to: [{name: a, webhook_env: HOOK, on: [outages]}]}", "use outage, failing, short, overdue, log, run"},
		"a name twice":                 {"notify: {to: [{name: a, webhook_env: HOOK}, {name: a, webhook_env: HOOK}]}", "notify.to[1].name"},
		"a group_wait that is no time": {"notify: {group_wait: -1s}", "notify.group_wait"},
		"a heartbeat to nowhere":       {"heartbeat: {url_env: NO_URL}", "NO_URL holds no URL"},
		"a heartbeat too often":        {"heartbeat: {url_env: HOOK, interval: 1ms}", "heartbeat.interval"},
		"a public_url that is none":    {"public_url: scrapelog.example", "public_url"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			config := write(t, filepath.Join(dir, "scrapelog.yaml"), test.yaml+"\n")
			out, errs, code := command(t, "serve", "--config", config, "--listen", "127.0.0.1:0", "--db", "sqlite:"+filepath.Join(dir, "log.db"))
			if code != 2 || !strings.Contains(errs, test.want) || strings.Contains(out+errs, "hidden") {
				t.Errorf("exit %d, %q, %q", code, out, errs)
			}
		})
	}
}
