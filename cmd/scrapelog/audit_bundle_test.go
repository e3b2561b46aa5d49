package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

// bundleOf makes a bundle of a log of six events. It returns its path and the key.
func bundleOf(t *testing.T, args ...string) (path, key string) {
	t.Helper()
	db := eventstoretest.SQLite(t)
	sealedLog(t, db)
	path = filepath.Join(t.TempDir(), "bundle.zip")
	exits(t, 0, "file", append([]string{"audit", "bundle", "-o", path, "--db", db.URL}, args...)...)
	content, err := os.ReadFile(stateFile(t, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(content))
	return path, lines[len(lines)-1]
}

// python runs the program that is in the bundle.
func python(t *testing.T, bundle, key string) (said string, code int) {
	t.Helper()
	z, err := zip.OpenReader(bundle)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	program, err := z.Open("check_bundle.py")
	if err != nil {
		t.Fatal(err)
	}
	source, err := io.ReadAll(program)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(source, []byte("\n")); lines > 100 {
		t.Errorf("check_bundle.py has %d lines", lines)
	}
	path := filepath.Join(t.TempDir(), "check_bundle.py")
	putFile(t, path, string(source))
	cmd := exec.CommandContext(t.Context(), "python3", "-I", path, bundle, key)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal("python3: ", err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// both checks a bundle with scrapelog and with Python, which must agree.
func both(t *testing.T, bundle, key string, code int, says string) {
	t.Helper()
	t.Setenv("SCRAPELOG_DB", "postgres://nowhere.invalid/x") // no database is needed
	exits(t, code, "", "audit", "check-bundle", bundle, "--key", key)
	if said, got := python(t, bundle, key); got != code || !strings.Contains(said, says) {
		t.Errorf("python: exit %d, want %d with %q: %s", got, code, says, said)
	}
}

func TestBundlesHold(t *testing.T) {
	for _, args := range [][]string{{}, {"--after", "2", "--until", "5"}, {"--after", "5"}, {"--until", "1"}} {
		bundle, key := bundleOf(t, args...)
		both(t, bundle, key, 0, "ok: events ")
	}
}

// TestABundleOfARun has the events from the first of the run to its last.
func TestABundleOfARun(t *testing.T) {
	bundle, key := bundleOf(t, "--run", firstRun.String())
	both(t, bundle, key, 0, "ok: events 2 to 4 are")
	both(t, bundle, "nonsense", 2, "KEY is the public key")
	exits(t, 2, "--run excludes --after and --until", "audit", "bundle", "--run", "latest", "--after", "1", "-o", bundle)
}

// TestFalseBundles are found by scrapelog and by the program in Python.
func TestFalseBundles(t *testing.T) {
	bundle, key := bundleOf(t, "--after", "1", "--until", "5")
	for name, test := range map[string]struct {
		file     string
		old, new string
		code     int
		says     string
	}{
		"an event edited":        {"events.ndjson", "peer", "pear", 1, "are not those that were signed"},
		"an event missing":       {"events.ndjson", `{"position":2,`, "", 1, ""},
		"another position":       {"events.ndjson", `"position":3,`, `"position":4,`, 1, "positions are missing"},
		"another root":           {"checkpoint", "\n6\n", "\n7\n", 1, "was not signed with that key"},
		"another range":          {"proof.json", `"until":5`, `"until":6`, 1, ""},
		"another size":           {"proof.json", `"size":6`, `"size":7`, 1, "does not cover"},
		"an unknown format":      {"proof.json", "scrapelog.bundle.v1", "x", 2, ""},
		"a hash of another tree": {"proof.json", `"hashes":["`, `"hashes":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			changed := filepath.Join(t.TempDir(), "changed.zip")
			rewriteZip(t, bundle, changed, test.file, func(content string) string {
				if test.new == "" { // the whole line
					lines := strings.SplitAfter(content, "\n")
					return strings.Join(lines[1:], "")
				}
				return strings.Replace(content, test.old, test.new, 1)
			})
			if test.code == 2 { // Python knows one format
				exits(t, 2, "", "audit", "check-bundle", changed, "--key", key)
				return
			}
			both(t, changed, key, test.code, test.says)
		})
	}
	other, otherKey := bundleOf(t)
	_ = other
	both(t, bundle, otherKey, 1, "was not signed with that key")
	exits(t, 0, "compared with none", "audit", "check-bundle", bundle, "--any-key")
	exits(t, 2, "not a bundle", "audit", "check-bundle", stateFile(t, "audit.key"), "--any-key")
	exits(t, 3, "", "audit", "check-bundle", bundle+"x", "--any-key")
}

func TestBundleOfNothing(t *testing.T) {
	db := eventstoretest.SQLite(t)
	sealedLog(t, db)
	path := filepath.Join(t.TempDir(), "b.zip")
	exits(t, 2, "-o FILE is missing", "audit", "bundle", "--db", db.URL)
	exits(t, 3, "no signed event", "audit", "bundle", "--after", "6", "-o", path, "--db", db.URL)
	exits(t, 6, "is not sealed yet", "audit", "bundle", "--until", "9", "-o", path, "--db", db.URL)
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left")
	}
	putFile(t, path, "x")
	exits(t, 4, "is there already", "audit", "bundle", "-o", path, "--db", db.URL)
}

func rewriteZip(t *testing.T, from, to, name string, change func(string) string) {
	t.Helper()
	z, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == name {
			after := change(string(content))
			if after == string(content) {
				t.Fatalf("%s was not changed:\n%s", name, content)
			}
			content = []byte(after)
		}
		into, err := w.Create(f.Name)
		if err == nil {
			_, err = into.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	putFile(t, to, b.String())
}

// TestRotateKey: the new key verifies everything, and the old one still leads to it.
func TestRotateKey(t *testing.T) {
	db := eventstoretest.SQLite(t)
	store := sealedLog(t, db)
	content, err := os.ReadFile(stateFile(t, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Fields(string(content))[1]
	bundle := filepath.Join(t.TempDir(), "old.zip")
	exits(t, 0, "file", "audit", "bundle", "-o", bundle, "--db", db.URL)
	exits(t, 0, "the old key counts up to  event 6\n", "audit", "rotate-key", "--db", db.URL)
	record(t, store, story()[0])
	exits(t, 0, "7\n", "audit", "checkpoint", "--db", db.URL, "--jq", ".size")
	exits(t, 0, "intact", "events", "verify", "--all", "--db", db.URL)
	exits(t, 0, "intact", "events", "verify", "--db", db.URL, "--key", old)
	exits(t, 0, "as expected", "audit", "check-bundle", bundle, "--db", db.URL)
}
