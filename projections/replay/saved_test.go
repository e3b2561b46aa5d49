package replay

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/projections"
)

// save writes the read models at a position to a file.
func (l *testLog) save(until int64) (path, content string) {
	l.Helper()
	var b bytes.Buffer
	state, err := Save(l.Context(), l.Store, until, &b, nil)
	if err != nil || until > 0 && state.Position != until {
		l.Fatalf("%+v, %v", state, err)
	}
	path = filepath.Join(l.TempDir(), "models")
	l.write(path, b.String())
	return path, b.String()
}

func (l *testLog) write(path, content string) {
	l.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		l.Fatal(err)
	}
}

func TestWhatWasSavedIsComparedLater(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		tale := newStory(t)
		log.Given(tale.Events(120)...)
		path, content := log.save(0)
		log.Given(tale.Events(60)...)
		c := log.replay(Config{Against: InFile(path)})
		if !c.Equal || c.Position != 120 || c.Projections[0].Rows == 0 {
			t.Errorf("%+v\n%s", c, c.lines())
		}
		if _, again := log.save(120); again != content {
			t.Error("the same position makes another file")
		}
		if c := log.replay(Config{Against: InFile(path), Until: 60}); !c.Equal || c.Position != 60 || c.Projections[0].Changed == 0 {
			t.Errorf("until 60: %+v\n%s", c, c.lines())
		}
	})
}

// The same log makes the same file on both databases.
func TestFilesOfBothDatabases(t *testing.T) {
	eventstoretest.NeedsPostgres(t)
	events := newStory(t).Events(80)
	var files []string
	onEach(t, func(t *testing.T, log *testLog) {
		log.Append(events...)
		_, content := log.save(0)
		_, rows, _ := strings.Cut(content, "\n") // the head says when they were recorded
		files = append(files, rows)
	})
	same(t, "the file of the other database", files[0], files[1])
}

func TestASavedFileThatWasTamperedWith(t *testing.T) {
	log := open(t, eventstoretest.SQLite(t))
	log.Given(told()...)
	path, content := log.save(0)
	log.write(path, strings.Replace(content, `"status":"completed"`, `"status":"failed"`, 1))
	want := "runs " + runB.String() + " changed after 6 status:failed/completed\n"
	if c := log.replay(Config{Against: InFile(path)}); c.lines() != want {
		t.Errorf("got %q, want %q", c.lines(), want)
	}
	for name, spoilt := range map[string]string{
		"empty":             "",
		"another format":    strings.Replace(content, "models 1", "models 2", 1),
		"another version":   strings.Replace(content, `"runs":3`, `"runs":9`, 1),
		"cut in a row":      content[:len(content)-40],
		"cut between rows":  strings.Join(strings.SplitAfter(content, "\n")[:3], ""),
		"a row taken out":   strings.Join(append(strings.SplitAfter(content, "\n")[:2:2], strings.SplitAfter(content, "\n")[3:]...), ""),
		"no file of ours":   "SQLite format 3\x00",
		"an array of lines": "[" + content + "]",
	} {
		log.write(path, spoilt)
		_, err := Compare(t.Context(), log.Store, Config{Against: InFile(path)})
		if !errors.Is(err, errNotSaved) && !errors.Is(err, projections.ErrNotBuilt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Compare(t.Context(), log.Store, Config{Against: InFile(path + ".missing")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	log.write(path, "")
	if _, err := Compare(t.Context(), log.Store, Config{Against: InFile(path)}); !errors.Is(err, eventstore.ErrForeign) {
		t.Errorf("an empty file: %v", err)
	}
}
