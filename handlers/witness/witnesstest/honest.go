// Package witnesstest has a witness for tests.
package witnesstest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const name = "witness.example"

// Stamp is the time at which an Honest witness signs.
const Stamp = 1_700_000_000

// Honest is a witness, as C2SP tlog-witness has it. Its answers are those of litewitness.
type Honest struct {
	mu   sync.Mutex
	key  ed25519.PrivateKey
	logs map[string]*watched // by name
}

// watched is a log, and what was signed of it last.
type watched struct {
	keys []note.Verifier
	size int64
	root tlog.Hash
}

// New returns a witness that knows no log.
func New() *Honest {
	return &Honest{key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), logs: map[string]*watched{}}
}

// Register makes a public key of the log known.
func (h *Honest) Register(key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.logs[v.Name()] == nil {
		h.logs[v.Name()] = &watched{}
	}
	h.logs[v.Name()].keys = append(h.logs[v.Name()].keys, v)
	return nil
}

// Size is how many events it has signed, of all logs together.
func (h *Honest) Size() (events int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.logs {
		events += l.size
	}
	return events
}

// Key is its public key.
func (h *Honest) Key() string {
	return fmt.Sprintf("%s+%08x+%s", name, h.hash(), base64.StdEncoding.EncodeToString(h.public()))
}

func (h *Honest) public() []byte { return append([]byte{4}, h.key.Public().(ed25519.PublicKey)...) }

func (h *Honest) hash() uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), h.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

// ServeHTTP implements http.Handler.
func (h *Honest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	l := h.logs[parts[0]]
	if l == nil {
		http.Error(w, "unknown log", http.StatusNotFound)
		return
	}
	_, unsigned := note.Open([]byte(signed), note.VerifierList(l.keys...))
	switch {
	case r.URL.Path != "/add-checkpoint":
		http.NotFound(w, r)
	case unsigned != nil:
		http.Error(w, "invalid signature", http.StatusForbidden)
	case old != l.size:
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintln(w, l.size)
	case old > 0 && tlog.CheckTree(consistency, size, root, old, l.root) != nil:
		http.Error(w, "bad consistency proof", http.StatusUnprocessableEntity)
	default:
		l.size, l.root = size, root
		sig := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, h.hash()), Stamp)
		sig = append(sig, ed25519.Sign(h.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", Stamp, text))...)
		fmt.Fprintf(w, "— %s %s\n", name, base64.StdEncoding.EncodeToString(sig))
	}
}
