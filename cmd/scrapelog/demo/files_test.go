package demo

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"

	"scrapelog/eventstore"
	"scrapelog/eventstore/proof"
)

// What was signed about a log that the demo's user has removed is kept, and does
// not keep a new demo from starting runs. A demo that goes on keeps its proof.
func TestADemoBegunAnewHasAProofOfItsOwn(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	d := &demo{cmd: &cobra.Command{}, data: t.TempDir()}
	d.cmd.SetOut(io.Discard)
	store, err := eventstore.Open(t.Context(), eventstore.Config{URL: d.database()})
	if err != nil {
		t.Fatal(err)
	}
	files, err := proof.FilesOf(t.Context(), store, proof.Files{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(files.Key)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}

	proofs := func(when string, of ...string) {
		t.Helper()
		if err := d.setAside(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, pattern := range of {
			if found, err := filepath.Glob(pattern); len(found) != 1 || err != nil {
				t.Errorf("%s: %d of %s (%v)", when, len(found), pattern, err)
			}
		}
		if all, err := filepath.Glob(folder + "*"); len(all) != len(of) || err != nil {
			t.Errorf("%s: %v (%v)", when, all, err)
		}
	}
	proofs("a second start", folder)
	if err := os.Remove(d.path(databaseFile)); err != nil {
		t.Fatal(err)
	}
	proofs("a folder that was emptied", folder+"-until-*")
	if err := os.Remove(d.path(databaseFile)); err != nil {
		t.Fatal(err)
	}
	proofs("a folder that was emptied once more", folder+"-until-*")
}
