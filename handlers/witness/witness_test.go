package witness

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/witness/witnesstest"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// newHonest starts a witness.
func newHonest(t *testing.T) (*witnesstest.Honest, proof.Witness) {
	t.Helper()
	h := witnesstest.New()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, proof.Witness{Name: "honest", Key: h.Key(), URL: server.URL + "/"}
}

// knows registers the key of a log.
func (s *sealed) knows(h *witnesstest.Honest) {
	s.Helper()
	key, err := proof.ReadKey(s.sealer.Files().Key)
	if err == nil {
		err = h.Register(key.Public)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// sealed is a log whose events are signed one by one.
type sealed struct {
	*testing.T
	store  *eventstore.Store
	sealer *proof.Sealer
	events int64
}

func newSealed(t *testing.T, key string) *sealed {
	t.Helper()
	files := proof.Files{Key: filepath.Join(t.TempDir(), "state", "audit.key")}
	if key != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(files.Key), 0o700), os.WriteFile(files.Key, []byte(key), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s := &sealed{T: t, store: eventstoretest.SQLite(t).Open(t)}
	var err error
	if s.sealer, err = proof.Open(t.Context(), proof.Config{Store: s.store, Files: files}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sealed) append(by string, n int) {
	s.Helper()
	for range n {
		e := domain.ScraperPaused{AboutScraper: domain.AboutScraper{Scraper: "shop"}, By: by}
		_, err := s.store.Append(s.Context(), eventstore.Append{Stream: e.Stream(), Expected: s.events, Events: []eventstore.NewEvent{{Event: e}}})
		if err == nil {
			err = s.sealer.Seal(s.Context())
		}
		if err != nil {
			s.Fatal(err)
		}
		s.events++
	}
}

func (s *sealed) verify(w proof.Witness) proof.Result {
	s.Helper()
	r, err := proof.Verify(s.Context(), s.store, proof.Options{Files: s.sealer.Files(), Witnesses: []proof.Witness{w}}, nil)
	if err == nil {
		err = Check(s.Context(), http.DefaultClient, s.store, []proof.Witness{w}, &r)
	}
	if err != nil {
		s.Fatal(err)
	}
	return r
}

func TestAWitnessFollowsTheLog(t *testing.T) {
	h, w := newHonest(t)
	s := newSealed(t, "")
	s.knows(h)
	for _, n := range []int{1, 6, 1, 30} {
		s.append("ann", n)
		cosigned, seen, err := Ask(t.Context(), http.DefaultClient, s.store, w)
		if err != nil || seen.Size != s.events || seen.At.Unix() != witnesstest.Stamp {
			t.Fatal(seen, err)
		}
		if err := proof.KeepCosigned(t.Context(), s.store, s.sealer.Files(), cosigned); err != nil {
			t.Fatal(err)
		}
	}
	r := s.verify(w)
	if r.Verdict != proof.Intact || len(r.Witnessed) != 2 || r.Witnessed[0].Size != 38 || r.Witnessed[0].Asked || !r.Witnessed[1].Asked {
		t.Errorf("%s %+v", r.Text(), r.Witnessed)
	}
}

// TestAWitnessFindsWhatNothingElseCan: a log and its copy outside that were rolled back
// together, and another log that was signed with the same key.
func TestAWitnessFindsWhatNothingElseCan(t *testing.T) {
	h, w := newHonest(t)
	s := newSealed(t, "")
	s.knows(h)
	s.append("ann", 20)
	if _, _, err := Ask(t.Context(), http.DefaultClient, s.store, w); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(s.sealer.Files().Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		by   string
		n    int
		kind proof.Kind
	}{
		"rolled back":                    {"ann", 12, proof.WitnessAhead},
		"rewritten at its size":          {"eve", 20, proof.WitnessRefused},
		"forked, and gone on from there": {"eve", 25, proof.WitnessRefused},
	} {
		t.Run(name, func(t *testing.T) {
			other := newSealed(t, string(key))
			other.append(test.by, test.n)
			if r, err := proof.Verify(t.Context(), other.store, proof.Options{Files: other.sealer.Files()}, nil); err != nil || r.Verdict != proof.Intact {
				t.Fatal("found without a witness: ", r.Text(), err)
			}
			r := other.verify(w)
			if r.Verdict != proof.Damaged || r.Damage[0].Kind != test.kind {
				t.Errorf("%s %+v", r.Text(), r.Damage)
			}
			t.Log(r.Says)
			if h.Size() != 20 {
				t.Errorf("the witness has signed it: %d events", h.Size())
			}
		})
	}
}

func TestAWitnessMustSignWithItsKey(t *testing.T) {
	h, w := newHonest(t)
	s := newSealed(t, "")
	s.knows(h)
	s.append("ann", 1)
	for name, spoil := range map[string]func(*proof.Witness){
		"another name": func(w *proof.Witness) { w.Key = strings.Replace(w.Key, "witness.example", "other.example", 1) },
		"another key":  func(w *proof.Witness) { w.Key = w.Key[:len(w.Key)-4] + "AAA=" },
		"no key":       func(w *proof.Witness) { w.Key = "x" },
	} {
		other := w
		spoil(&other)
		if _, _, err := Ask(t.Context(), http.DefaultClient, s.store, other); err == nil || other.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := w.Validate(); err != nil {
		t.Error(err)
	}
	w.URL = "http://127.0.0.1:1"
	var r proof.Result
	if err := Check(t.Context(), http.DefaultClient, s.store, []proof.Witness{w}, &r); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}
