package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/handlers/contract"
)

// invoke runs the program in this process.
func invoke(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return invokeWith(t.Context(), args...)
}

func invokeWith(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(ctx, args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

func TestExitCodes(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"nothing went wrong":         {nil, 0},
		"a negative answer":          {term.Failf(term.ErrNegative, "the run did not complete"), 1},
		"wrong usage":                {term.Usagef("no such flag"), 2},
		"an invalid value":           {&domain.FieldError{Field: "url"}, 2},
		"not found":                  {fmt.Errorf("run: %w", domain.ErrNotFound), 3},
		"the log is unreachable":     {fmt.Errorf("%w: disk", eventstore.ErrUnavailable), 4},
		"the server is unreachable":  {term.Failf(term.ErrUnreachable, "refused"), 4},
		"the scraper is unreachable": {fmt.Errorf("%w: refused", contract.ErrUnreachable), 4},
		"the port is busy":           {fmt.Errorf("listen: %w", syscall.EADDRINUSE), 4},
		"the file is unwritable":     {&fs.PathError{Err: fs.ErrPermission}, 4},
		"no line names it":           {errors.New("odd"), 4},
		"a foreign database":         {fmt.Errorf("%w: x", eventstore.ErrForeign), 6},
		"held by another process":    {fmt.Errorf("%w: x", eventstore.ErrHeld), 6},
		"a start is refused":         {&domain.RunOpenError{Scraper: "a", RunID: uuid.Max}, 6},
		"the run has ended":          {domain.ErrFinished, 6},
		"not allowed":                {term.Failf(term.ErrRefused, "not yours"), 6},
		"it took too long":           {term.Failf(term.ErrTimedOut, "timed out after 1s"), 124},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exitCode(t.Context(), test.err); got != test.want {
				t.Errorf("exit %d, want %d", got, test.want)
			}
		})
	}
}

func TestExitCodeOfAnInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt"))
	for err, want := range map[error]int{
		nil: 0, context.Cause(ctx): 130, errors.New("read: interrupted"): 130, domain.ErrNotFound: 3,
	} {
		if got := exitCode(ctx, err); got != want {
			t.Errorf("%v: exit %d, want %d", err, got, want)
		}
	}
}

// TestUsage: what is asked for wrongly is answered with one line and exit 2.
func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"nope":                              `there is no command "nope"`,
		"evnts":                             `there is no command "evnts"; did you mean events?`,
		"runs":                              "runs: name a command: cancel, list, show, start, watch",
		"runs lst":                          `runs: there is no command "lst"; did you mean list?`,
		"completion nope":                   `completion: there is no command "nope"; use bash, fish, powershell, zsh`,
		"runs show":                         `runs show: ID is missing; see "scrapelog runs show --help"`,
		"runs show a b":                     `runs show: "b" is one argument too many; see "scrapelog runs show --help"`,
		"runs show a":                       `"a" is neither an id nor a part of one`,
		"runs list --bogus":                 `unknown flag: --bogus; see "scrapelog runs list --help"`,
		"runs list -o xml":                  `--output: "xml" is not a format; use table, json, ndjson or csv`,
		"runs list --jq .[":                 "--jq: ",
		"runs list --limit -1":              "--limit: -1 is negative; use 0 for all",
		"runs list --since soon":            `--since: "soon" is not a time; use -1h, today, yesterday, 2026-11-27, RFC 3339 or @POSITION`,
		"runs list --color pink":            `--color: "pink" is not a choice; use auto, always or never`,
		"runs list --server localhost":      `--server: "localhost" is not a server; use a URL such as http://127.0.0.1:8080`,
		"runs start a --wait --attach":      "--wait and --attach exclude each other",
		"runs start a --params {":           "--params: not JSON",
		"scrapers next a -n 0":              "-n: 0 is too few; use 1 or more",
		"events list --db mysql://u:p@h/":   `--db: "mysql://u:xxxxx@h/" is not a database; use sqlite:PATH or postgres://USER@HOST/NAME`,
		"version --log-level loud":          `--log-level: "loud" is not a level; use debug, info, warn or error`,
		"version --log-format xml":          `--log-format: "xml" is not a format; use text or json`,
		"version now":                       `version: "now" is one argument too many`,
		"config check missing.yaml":         "missing.yaml: cannot be read: no such file or directory",
		"serve now":                         "serve: ",
		"worker check":                      "worker check: URL is missing",
		"worker check http://h/ --params {": "--params: not JSON",
		"worker check ftp://h/":             `url: "ftp://h/" is not an http or https URL`,
		"worker check http://h/ --header-env A=NOT_SET_HERE": "environment variable NOT_SET_HERE is not set",
	} {
		t.Run(args, func(t *testing.T) {
			stdout, stderr, code := invoke(t, strings.Fields(args)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit %d, stdout %q, stderr %q, want %q", code, stdout, stderr, want)
			}
		})
	}
}
