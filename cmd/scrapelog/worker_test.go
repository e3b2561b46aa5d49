package main_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestAWorkerThatCannotStartSaysWhyInOneLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	tests := map[string]struct {
		config string
		code   int
		says   string
	}{
		"an unknown key":    {"beats: 5s\n", 2, `worker.yaml:1:1: unknown key "beats"; did you mean beat?`},
		"no duration":       {"beat: soon\n", 2, `worker.yaml:1:7: beat: "soon" is not a duration`},
		"out of range":      {"beat: 2m\n", 2, "worker.yaml:1:7: beat: 2m is out of range; use 1s to 60s"},
		"no scrapes":        {"beat: 5s\n", 2, "scrapes: is empty"},
		"a bad selector":    {"scrapes:\n  - name: a\n    html:\n      platforms: [{name: p, start: 'http://h/'}]\n      item: 'li['\n", 2, `worker.yaml:5:13: scrapes[0].html.item: "li[" is not a CSS selector`},
		"a name twice":      {"scrapes:\n  - {name: a, command: [x]}\n  - {name: a, command: [x]}\n", 2, `worker.yaml:3:12: scrapes[1].name: "a" is there twice`},
		"a busy address":    {"listen: " + busy.Addr().String() + "\nscrapes: [{name: a, command: [x]}]\n", 4, busy.Addr().String() + " is in use by another program"},
		"other machines":    {"listen: 0.0.0.0:0\nscrapes: [{name: a, command: [x]}]\n", 2, "add secret_env here and sign_env to the scraper"},
		"an unset secret":   {"listen: 0.0.0.0:0\nsecret_env: SCRAPELOG_TEST_UNSET\nscrapes: [{name: a, command: [x]}]\n", 2, "secret_env: environment variable SCRAPELOG_TEST_UNSET is not set"},
		"a foreign address": {"listen: 192.0.2.1:9\nlisten_without_secret: true\nscrapes: [{name: a, command: [x]}]\n", 4, "cannot listen at 192.0.2.1:9"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "worker.yaml"), tt.config)
			_, errs, code := command(t, "worker", "--config", path)
			if code != tt.code || !strings.Contains(errs, tt.says) || strings.Count(errs, "\n") != 1 {
				t.Errorf("exit code %d: %s\nwant %d: %s", code, errs, tt.code, tt.says)
			}
		})
	}
	if _, errs, code := command(t, "worker"); code != 2 || !strings.Contains(errs, "--config") {
		t.Errorf("without a configuration: exit code %d: %s", code, errs)
	}
}

func TestTheWorkersHelpNamesItsPages(t *testing.T) {
	help, _, code := command(t, "worker", "--help")
	for _, page := range []string{"docs/worker.md", "docs/html-scrapes.md"} {
		if !strings.Contains(help, page) || code != 0 {
			t.Errorf("%s is not in %s", page, help)
		}
		if text := read(t, filepath.Join("..", "..", page)); !strings.HasPrefix(text, "# ") {
			t.Errorf("%s begins with %.20q", page, text)
		}
	}
}
