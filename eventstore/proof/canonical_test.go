package proof

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var writeMissing = flag.Bool("golden", false, "write the golden files that are missing; no other ever changes")

// vector is an event with its canonical bytes and its leaf hash, for whoever
// writes another program that verifies.
type vector struct {
	Event     Event  `json:"event"`
	Canonical string `json:"canonical"` // hexadecimal
	Leaf      string `json:"leaf"`      // hexadecimal
}

var vectors = map[string]Event{
	"usual": {Position: 1, Stream: "run-018f0000-0000-7000-8000-000000000001", Version: 1, ID: "018f0000-0000-7000-8000-000000000002",
		Type: "run.started", RecordedAt: 1772625600123456, Metadata: `{"actor":"scheduler"}`, Data: `{"run_id":"018f0000-0000-7000-8000-000000000001"}`},
	"utf-8":   {Position: 2, Stream: "scraper-ä", Version: 3, ID: "x", Type: "scraper.paused", RecordedAt: -1, Metadata: `{"ключ":"\u0000"}`, Data: ` { "名" : "🦔" } `},
	"empty":   {},
	"largest": {Position: 1<<63 - 1, Version: 1<<63 - 1, RecordedAt: -1 << 63},
}

func TestCanonicalBytesAreFrozen(t *testing.T) {
	for name, e := range vectors {
		h := tlog.RecordHash(e.Canonical())
		golden(t, "event-"+name+".json", vector{e, hex.EncodeToString(e.Canonical()), hex.EncodeToString(h[:])})
		if leaf(appendLeaf(nil, e)).hash() != h {
			t.Errorf("%s: the leaf is not tlog's", name)
		}
	}
}

func TestCheckpointIsFrozen(t *testing.T) {
	private, public, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)), "scrapelog/0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	if derived, err := publicOf(private); err != nil || derived != public {
		t.Errorf("%s, %v, want %s", derived, err, public)
	}
	for name, c := range map[string]Checkpoint{
		"plain":    {Origin: key.Name(), Size: 1234567, Root: tlog.RecordHash([]byte("root"))},
		"restored": {Origin: key.Name(), Size: 30, Root: tlog.RecordHash([]byte("root")), Restored: &Restored{Superseded: 44, Proven: 30, At: noon, Reason: "the disk broke, twice"}},
		"sealed":   {Origin: key.Name(), Size: 44, Root: tlog.RecordHash([]byte("root")), SealedAt: noon.Add(123456 * time.Microsecond), Kept: "0123456789ab"},
		"accepted": {Origin: key.Name(), Size: 30, Root: tlog.RecordHash([]byte("root")), SealedAt: noon,
			Restored: &Restored{Superseded: 44, Proven: 30, Place: &Place{1024, tlog.RecordHash([]byte("file"))}, At: noon, Reason: "the disk broke, twice"}},
	} {
		signed, err := c.sign(key)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "checkpoint-"+name+".json", map[string]string{"checkpoint": signed, "key": public})
		parsed, err := parseCheckpoint(signed)
		if diff := cmp.Diff(c, parsed); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// golden compares a value with the file that has frozen it.
func golden(t *testing.T, name string, value any) {
	t.Helper()
	path := filepath.Join("testdata", name)
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if os.IsNotExist(err) && *writeMissing {
		want, err = got.Bytes(), os.WriteFile(path, got.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s:\n%s\nwant\n%s", path, got.Bytes(), want)
	}
}

// TestFrontierIsTlog compares our tree with tlog's at every size.
func TestFrontierIsTlog(t *testing.T) {
	var f frontier
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for n := range int64(300) {
		data := []byte{byte(n), byte(n >> 8)}
		want, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		got := f.push(tlog.RecordHash(data), nil)
		if !cmp.Equal(got, want) {
			t.Fatalf("hashes stored for leaf %d differ", n)
		}
		hashes = append(hashes, got...)
		root, err := tlog.TreeHash(n+1, reader)
		if err != nil || root != f.root() {
			t.Fatalf("root of %d leaves differs, %v", n+1, err)
		}
		roots, err := reader.ReadHashes(frontierIndexes(n + 1))
		if err != nil || !cmp.Equal(roots, f.roots) {
			t.Fatalf("frontier of %d leaves differs, %v", n+1, err)
		}
	}
}

// FuzzOutsideFile: with any text in the file, what is
// appended afterwards is found, and it is the last.
func FuzzOutsideFile(f *testing.F) {
	const signed = "scrapelog/x\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— scrapelog/x AAAA\n"
	f.Add("")
	f.Add(signed)
	f.Add(signed[:20])
	f.Add(signed + "\n" + signed[:60])
	f.Add(strings.Repeat("x", 5000) + "\n\n\n")
	f.Fuzz(func(t *testing.T, before string) {
		o := outsideFile{filepath.Join(t.TempDir(), "file")}
		if err := os.WriteFile(o.path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := o.append(signed); err != nil {
			t.Fatal(err)
		}
		var last mark
		reader := outsideReader{outsideFile: o}
		if err := reader.refresh(nil, func(m mark, _ bool) { last = m }); err != nil {
			t.Fatal(err)
		}
		if got, err := o.note(last); err != nil || got != signed {
			t.Errorf("%q, %v", got, err)
		}
	})
}
