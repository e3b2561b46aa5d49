package eventstore_test

import (
	"net"
	"strings"
	"testing"

	"scrapelog/eventstore"
)

const canary = "CANARY"

// hidden are ways to write a password into the name of a database, and how that
// name is shown.
var hidden = map[string]struct{ raw, shown string }{
	"a password of the user":              {"postgres://u:CANARY@127.0.0.1:1/d", "postgres://u@127.0.0.1:1/d"},
	"the other scheme":                    {"postgresql://u:CANARY@127.0.0.1:1/d", "postgres://u@127.0.0.1:1/d"},
	"a parameter":                         {"postgres://127.0.0.1:1/d?user=u&password=CANARY", "postgres://u@127.0.0.1:1/d"},
	"a parameter, escaped":                {"postgres://127.0.0.1:1/d?user=u&pass%77ord=CANARY", "postgres://u@127.0.0.1:1/d"},
	"the password of a key":               {"postgres://u@127.0.0.1:1/d?sslpassword=CANARY&sslmode=disable", "postgres://u@127.0.0.1:1/d"},
	"a setting of the session":            {"postgres://u@127.0.0.1:1/d?options=-c%20my.secret%3DCANARY", "postgres://u@127.0.0.1:1/d"},
	"two hosts":                           {"postgres://u:CANARY@127.0.0.1:1,127.0.0.2:2/d", "postgres://u@127.0.0.1:1,127.0.0.2:2/d"},
	"a socket":                            {"postgres://u:CANARY@/d?host=/tmp/none", "postgres://u@/d?host=/tmp/none"},
	"a slash that is not escaped":         {"postgres://u:12/CANARY@127.0.0.1:1/d", "postgres://…"},
	"a question mark that is not escaped": {"postgres://u:12?CANARY@127.0.0.1:1/d", "postgres://…"},
	"a hash that is not escaped":          {"postgres://u:12#CANARY@127.0.0.1:1/d", "postgres://…"},
	"a port that is none":                 {"postgres://u:CANARY/x@127.0.0.1:1/d", "postgres://…"},
	"a percent sign that is not escaped":  {"postgres://u:%ZZCANARY@127.0.0.1:1/d", "postgres://…"},
	"a mode that is none":                 {"postgres://u:CANARY@127.0.0.1:1/d?sslmode=perhaps", "postgres://…"},
	"a control character":                 {"postgres://u:CANARY\n@127.0.0.1:1/d", "postgres://…"},
	"keywords":                            {"host=127.0.0.1 password=CANARY", "host…"},
	"another database":                    {"mysql://u:CANARY@h/d?password=CANARY", "mysql://u:xxxxx@h/d"},
	"a scheme alone":                      {"mysql:CANARY", "mysql…"},
}

func TestPasswordsAreNotShown(t *testing.T) {
	for name, c := range hidden {
		if got := eventstore.Redact(c.raw); got != c.shown {
			t.Errorf("%s: shown as %s, want %s", name, got, c.shown)
		}
		_, err := open(t, c.raw)
		if err == nil || strings.Contains(err.Error(), canary) || strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, raw := range []string{"sqlite:a b?c.db", "some.db"} {
		if got := eventstore.Redact(raw); got != raw {
			t.Errorf("%s is shown as %s", raw, got)
		}
	}
}

// TestConnectionErrorsAreOneLine: what failed, where, why; each once.
func TestConnectionErrorsAreOneLine(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	for name, c := range map[string]struct{ url, want string }{
		"TLS tried before":  {"postgres://u:CANARY@" + address + "/d", "postgres://u@" + address + "/d: connect: connection refused"},
		"without TLS":       {"postgres://u:CANARY@" + address + "/d?sslmode=disable", "postgres://u@" + address + "/d: connect: connection refused"},
		"a name of no host": {"postgres://u:CANARY@no-such-host.invalid/d", "postgres://u@no-such-host.invalid:5432/d: "},
	} {
		_, err := open(t, c.url)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if place := strings.SplitN(strings.SplitN(c.want, "@", 2)[1], "/", 2)[0]; strings.Count(err.Error(), strings.Split(place, ":")[0]) != 1 {
			t.Errorf("%s: names the server more than once: %v", name, err)
		}
	}
}
