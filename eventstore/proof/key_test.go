package proof

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scrapelog/eventstore/eventstoretest"
)

func TestReadKey(t *testing.T) {
	l := newLog(t, eventstoretest.SQLite(t))
	file, err := os.ReadFile(l.files.Key)
	if err != nil {
		t.Fatal(err)
	}
	both := string(file)
	private, public, _ := strings.Cut(strings.TrimSpace(both), "\n")
	_, strange, err := generateKey("stranger")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		says    string // empty: it is read
	}{
		"both lines":                              {both, 0o600, ""},
		"both lines, read-only":                   {both, 0o400, ""},
		"the private line":                        {private + "\n", 0o600, ""},
		"lines ended by CRLF":                     {private + "\r\n" + public + "\r\n", 0o600, ""},
		"the public line, for everybody":          {public + "\n", 0o644, ""},
		"a private key that the group reads":      {both, 0o640, "chmod 600"},
		"a private key that everybody reads":      {both, 0o604, "chmod 600"},
		"a private key that everybody writes":     {both, 0o602, "chmod 600"},
		"the public line of another key":          {private + "\n" + strange, 0o600, "more than one key"},
		"two public lines":                        {public + "\n" + strange, 0o600, "more than one key"},
		"a private line twice":                    {private + "\n" + private, 0o600, "more than one key"},
		"a key and a word":                        {both + "word\n", 0o600, "more than one key"},
		"nothing":                                 {"", 0o600, "malformed"},
		"a private key that was cut":              {private[:len(private)-9], 0o600, "malformed"},
		"more than any key file":                  {strings.Repeat("x", longestKey+1), 0o600, "larger than"},
		"a private key that has another checksum": {strings.Replace(private, "+", "+f", 3), 0o600, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			key, err := ReadKey(path)
			if test.says == "" && (err != nil || key.Public != public) {
				t.Errorf("%+v, %v", key, err)
			}
			if test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%v, want …%s…", err, test.says)
			}
		})
	}
}

// TestOnlyRegularFilesAreRead: a FIFO would hang its reader, a device never ends.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, t.TempDir(), "/dev/zero"} {
		if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("key %s: %v", path, err)
		}
		if _, err := ReadFile(path, 10); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("file %s: %v", path, err)
		}
	}
}
