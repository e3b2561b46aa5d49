package main_test

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestAReplayFromThePages is that of a server that serves meanwhile, before and
// after a row was changed in the database, and once it was rebuilt.
func TestAReplayFromThePages(t *testing.T) {
	eventstoretest.Each(t, func(t *testing.T, db eventstoretest.Database) {
		listen := gatetest.FreeAddress(t)
		config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "scrapers:\n  - {name: shop, url: \"http://127.0.0.1:9/shop\", schedule: \"@yearly\"}\n")
		t.Setenv("SCRAPELOG_OUTPUT", "table") // what people have set for themselves
		start(t, "serve", "--db", db.URL, "--listen", listen, "--config", config)
		api{t, "http://" + listen}.ready()
		pages := browser{t, "http://" + listen}

		pages.press("/audit/replay")
		pages.says("/audit", "The pages show what the log says.")

		store, err := eventstore.Open(t.Context(), eventstore.Config{URL: db.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		err = store.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE scrapers SET paused_reason = 'it was me'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		pages.press("/audit/replay")
		pages.says("/audit", "it was me")
		pages.press("/projections/scrapers/rebuild")
		pages.says("/projections", "Done in")
		pages.press("/audit/replay")
		pages.says("/audit", "The pages show what the log says.")
	})
}

// browser presses buttons and reads pages, without JavaScript.
type browser struct {
	t    *testing.T
	base string
}

// press waits for what is under way: a page may show what was found a moment
// before the same can be asked for again.
func (b browser) press(path string) {
	b.t.Helper()
	await(b.t, time.Minute, "POST "+path, func() bool {
		r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			b.t.Fatal(err)
		}
		_ = w.Body.Close()
		if w.StatusCode != http.StatusSeeOther && w.StatusCode != http.StatusConflict {
			b.t.Fatalf("POST %s: %s", path, w.Status)
		}
		return w.StatusCode == http.StatusSeeOther
	})
}

func (b browser) says(path, want string) {
	b.t.Helper()
	var page []byte
	defer func() {
		if b.t.Failed() {
			b.t.Logf("%s", page)
		}
	}()
	await(b.t, time.Minute, path+" says "+want, func() bool {
		w, err := http.Get(b.base + path)
		if err != nil {
			return false
		}
		defer w.Body.Close()
		page, err = io.ReadAll(w.Body)
		return err == nil && strings.Contains(string(page), want)
	})
}
