package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scrapelog/cmd/scrapelog/config"
)

// TestShownConfigIsAConfig: what "config show" prints can be read again, and
// holds no secret.
func TestShownConfigIsAConfig(t *testing.T) {
	path := write(t, `
database: postgres://me:canary@db/x
scrapers:
  - name: a
    url: http://127.0.0.1:9090/a?key=canary
    schedule: "*/5 * * * *"
    params: {depth: 2}
    recovery: {enabled: false}
`)
	stdout, stderr, code := invoke(t, "config", "show")
	if code != 0 || strings.Contains(stdout, "canary") {
		t.Fatal(code, stdout, stderr)
	}
	want, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want.Database, want.Scrapers[0].URL = "postgres://me@db:5432/x", "http://127.0.0.1:9090/a"
	want.Limits = want.Limits.InForce() // shown as they hold
	got, err := config.Load(write(t, stdout))
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestConfigCheck: both files are known, by their keys or by --as, and the answer
// says which it was taken for.
func TestConfigCheck(t *testing.T) {
	const scrape = "scrapes:\n  - {name: a, command: [a]}\n"
	for name, test := range map[string]struct {
		source, args string
		code         int
		want         string
	}{
		"serve":                     {"scrapers:\n  - {name: a, url: http://x/}\n", "", 0, "scrapelog.yaml: ok, 1 scrapers (the configuration of scrapelog serve)\n"},
		"worker":                    {scrape, "", 0, "scrapelog.yaml: ok, 1 scrapes (the configuration of scrapelog worker)\n"},
		"empty":                     {"", "", 0, "ok, 0 scrapers (the configuration of scrapelog serve)"},
		"an address":                {"listen: 127.0.0.1:8080\n", "", 0, "scrapelog serve"},
		"serve, misspelt":           {"scrappers: []\ndatabase: sqlite:x\n", "", 2, `unknown key "scrappers"; did you mean scrapers? (read as the configuration of scrapelog serve)`},
		"worker, misspelt":          {"beat: 5s\nscrape: []\n", "", 2, `:2:1: unknown key "scrape"; did you mean scrapes? (read as the configuration of scrapelog worker)`},
		"worker, wrong value":       {"beat: 5h\n" + scrape, "", 2, `:1:7: beat: 5h is out of range; use 1s to 60s (read as the configuration of scrapelog worker)`},
		"worker, reached by others": {"listen: 0.0.0.0:9090\n" + scrape, "", 2, `listen: other machines reach 0.0.0.0:9090`},
		"worker, port":              {"announce: http://h:99999/\n" + scrape, "", 2, `:1:11: announce: port 99999 is out of range`},
		"worker, address":           {"listen: 127.0.0.1:99999\n" + scrape, "", 2, `:1:9: listen: "127.0.0.1:99999" is not an address`},
		"serve, reached by others":  {"listen: 0.0.0.0:8080\n", "", 2, `other machines reach 0.0.0.0:8080`},
		"worker's as serve's":       {scrape, "--as serve", 2, `unknown key "scrapes"; did you mean scrapers? (read as the configuration of scrapelog serve)`},
		"serve's as worker's":       {"database: sqlite:x\n", "--as worker", 2, `unknown key "database"`},
		"as something else":         {scrape, "--as demo", 2, `--as: "demo" is neither serve nor worker`},
		"no YAML":                   {"a: [\n", "", 2, "scrapelog.yaml:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, test.source)
			stdout, stderr, code := invoke(t, append([]string{"config", "check"}, strings.Fields(test.args)...)...)
			if code != test.code || !strings.Contains(stdout+stderr, test.want) || (code == 0) != (stderr == "") || strings.Count(stdout+stderr, "\n") != 1 {
				t.Errorf("exit %d, %q, %q, want %q", code, stdout, stderr, test.want)
			}
		})
	}
	t.Chdir(t.TempDir())
	if _, stderr, code := invoke(t, "config", "check"); code != 2 || !strings.Contains(stderr, "needs a file") {
		t.Errorf("exit %d, %q", code, stderr)
	}
	if _, stderr, code := invoke(t, "config", "check", "/dev/zero"); code != 2 || !strings.Contains(stderr, "larger than 16 MB") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

// TestSecretsInTheWrongPlace: a secret that stands where the name of its variable
// belongs is refused and said nowhere.
func TestSecretsInTheWrongPlace(t *testing.T) {
	for name, headers := range map[string]string{
		"the secret":              `{Authorization: "Bearer sk-CANARY"}`,
		"the other way round":     `{"Bearer sk-CANARY": Authorization}`,
		"a text":                  `"Authorization: Bearer sk-CANARY"`,
		"a shell's variable":      `{Authorization: "${CANARY-1}"}`,
		"a list":                  `{Authorization: [sk-CANARY]}`,
		"a block":                 `{Authorization: {Bearer: sk-CANARY}}`,
		"a list of lines":         `["Authorization: sk-CANARY"]`,
		"a block of text":         "\n      Authorization: |\n        sk-CANARY\n",
		"an empty name":           `{Authorization: ""}`,
		"a header of our own too": `{Accept: "sk-CANARY"}`,
	} {
		t.Run(name, func(t *testing.T) {
			write(t, "scrapers:\n  - name: a\n    url: http://127.0.0.1:9090/a\n    headers_env: "+headers+"\n")
			stdout, stderr, code := invoke(t, "config", "check")
			if code != 2 || !strings.Contains(stderr, "scrapelog.yaml:") || !strings.Contains(stderr, "headers_env") {
				t.Errorf("exit %d, %s", code, stderr)
			}
			if strings.Contains(stdout+stderr, "CANARY") {
				t.Errorf("the secret is repeated: %s%s", stdout, stderr)
			}
		})
	}
}

func TestSecretsOnTheCommandLine(t *testing.T) {
	for _, value := range []string{"Authorization=Bearer sk-CANARY", "Authorization: Bearer sk-CANARY", "Bearer sk-CANARY", "CANARY-1=Authorization", `"CANARY`, "A=CANARY-1,B"} {
		stdout, stderr, code := invoke(t, "worker", "check", "http://127.0.0.1:1/", "--header-env", value)
		if code != 2 || strings.Contains(stdout+stderr, "CANARY") && value != "CANARY-1=Authorization" {
			t.Errorf("%s: exit %d, %s%s", value, code, stdout, stderr)
		}
	}
}

// write puts a configuration into a folder of its own and makes that the
// current one, so that messages name the file alone.
func write(t *testing.T, source string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("scrapelog.yaml", []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return "scrapelog.yaml"
}
