package forward

import (
	"errors"
	"strings"
	"testing"

	"scrapelog/domain"
)

func TestConfigurationsThatCannotWorkAreRefused(t *testing.T) {
	const here = "nats://127.0.0.1:4222"
	for name, test := range map[string]struct {
		nats        NATS
		field, says string
	}{
		"nothing":           {NATS{}, "", ""},
		"one server":        {NATS{URL: here, Stream: "LOG"}, "", ""},
		"a cluster":         {NATS{URL: "tls://u:p@a:1,tls://b:2", Stream: "LOG", Begin: Begin{From: "start", Name: "again"}}, "", ""},
		"by the variable":   {NATS{URLEnv: "BUS_URL", Stream: "LOG"}, "", ""},
		"no server":         {NATS{Stream: "LOG"}, "forward.nats", "names no server"},
		"two addresses":     {NATS{URL: here, URLEnv: "BUS_URL", Stream: "LOG"}, "forward.nats.url_env", "url too"},
		"a web address":     {NATS{URL: "https://u:secret@a", Stream: "LOG"}, "forward.nats.url", `"https://xxxxx@a" is not`},
		"a broken password": {NATS{URL: "nats://u:se@cr%et@a", Stream: "LOG"}, "forward.nats.url", `"nats://xxxxx@a" is not`},
		"no stream":         {NATS{URL: here}, "forward.nats", "names no stream"},
		"a wrong stream":    {NATS{URL: here, Stream: "LOG.>"}, "forward.nats.stream", `"LOG.>" is not`},
		"a wrong variable":  {NATS{URLEnv: "1 2", Stream: "LOG"}, "forward.nats.url_env", ""},
		"a wrong from":      {NATS{URL: here, Stream: "LOG", Begin: Begin{From: "end"}}, "forward.nats.from", `"end" is not known`},
		"from a position":   {NATS{URL: here, Stream: "LOG", Begin: Begin{From: "43"}}, "", ""},
		"from no position":  {NATS{URL: here, Stream: "LOG", Begin: Begin{From: "0"}}, "forward.nats.from", `"0" is not known`},
		"a wrong name":      {NATS{URL: here, Stream: "LOG", Begin: Begin{Name: "a b"}}, "forward.nats.name", `"a b" is not a name`},
	} {
		t.Run(name, func(t *testing.T) {
			err := Config{NATS: test.nats}.Validate()
			var wrong *domain.FieldError
			if test.field == "" && err != nil || test.field != "" && (!errors.As(err, &wrong) || wrong.Field != test.field || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %s: %s", err, test.field, test.says)
			}
			if err != nil && (strings.Contains(err.Error(), "u:") || strings.Contains(err.Error(), "@cr")) {
				t.Errorf("it has the password: %v", err)
			}
		})
	}
}

func TestVariablesAreCheckedAtTheStart(t *testing.T) {
	c := Config{NATS: NATS{URLEnv: "TEST_BUS_URL", Stream: "LOG"}}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "TEST_BUS_URL is not set") {
		t.Error(err)
	}
	t.Setenv("TEST_BUS_URL", "mysecret")
	if err := c.Check(); err == nil || strings.Contains(err.Error(), "mysecret") {
		t.Error(err)
	}
	t.Setenv("TEST_BUS_URL", "nats://u:p@a:1")
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	c := Config{NATS: NATS{URL: "nats://u:p@ss@a:1,nats://b:2,tls://token@c:3"}}.Redacted()
	if want := "nats://xxxxx@a:1,nats://b:2,tls://xxxxx@c:3"; c.NATS.URL != want {
		t.Errorf("got %s, want %s", c.NATS.URL, want)
	}
}
