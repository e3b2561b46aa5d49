package witness

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/eventstoretest"
	"scrapelog/eventstore/proof"
)

func TestMain(m *testing.M) { os.Exit(eventstoretest.Main(m)) }

// honest is a witness of one log, as C2SP tlog-witness has it.
type honest struct {
	mu   sync.Mutex
	key  ed25519.PrivateKey
	size int64
	root tlog.Hash
}

func newHonest(t *testing.T) (*honest, proof.Witness) {
	t.Helper()
	h := &honest{key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, proof.Witness{Name: "honest", Key: fmt.Sprintf("witness.example+%08x+%s", h.hash(), base64.StdEncoding.EncodeToString(h.public())), URL: server.URL + "/"}
}

func (h *honest) public() []byte { return append([]byte{4}, h.key.Public().(ed25519.PublicKey)...) }

func (h *honest) hash() uint32 {
	sum := sha256.Sum256(append([]byte("witness.example\n"), h.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (h *honest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	head, signed, _ := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	var old, size int64
	_, _ = fmt.Sscanf(lines[0], "old %d", &old)
	text, _, _ := strings.Cut(signed, "\n\n")
	parts := strings.Split(text, "\n")
	_, _ = fmt.Sscan(parts[1], &size)
	root, _ := tlog.ParseHash(parts[2])
	var consistency tlog.TreeProof
	for _, line := range lines[1:] {
		hash, _ := tlog.ParseHash(line)
		consistency = append(consistency, hash)
	}
	switch {
	case r.URL.Path != "/add-checkpoint":
		http.NotFound(w, r)
	case old != h.size:
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintln(w, h.size)
	case old > 0 && tlog.CheckTree(consistency, size, root, old, h.root) != nil:
		http.Error(w, "bad consistency proof", http.StatusUnprocessableEntity)
	default:
		h.size, h.root = size, root
		sig := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, h.hash()), 1_700_000_000)
		sig = append(sig, ed25519.Sign(h.key, fmt.Appendf(nil, "cosignature/v1\ntime 1700000000\n%s\n", text))...)
		fmt.Fprintf(w, "— witness.example %s\n", base64.StdEncoding.EncodeToString(sig))
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
	_, w := newHonest(t)
	s := newSealed(t, "")
	for _, n := range []int{1, 6, 1, 30} {
		s.append("ann", n)
		cosigned, seen, err := Ask(t.Context(), http.DefaultClient, s.store, w)
		if err != nil || seen.Size != s.events || seen.At.Unix() != 1_700_000_000 {
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
			if h.size != 20 {
				t.Errorf("the witness has signed it: %d events", h.size)
			}
		})
	}
}

func TestAWitnessMustSignWithItsKey(t *testing.T) {
	_, w := newHonest(t)
	s := newSealed(t, "")
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
