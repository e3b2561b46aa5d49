package proof

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Witness is a server that signs checkpoints of which it has seen that each follows from
// the one before (C2SP tlog-witness).
type Witness struct {
	Name string `yaml:"name" json:"name"`
	Key  string `yaml:"key" json:"key"` // its public key, as the witness prints it: NAME+HASH+KEY
	URL  string `yaml:"url" json:"url"` // add-checkpoint is below it
}

// Validate returns the first invalid value as a *domain.FieldError.
func (w Witness) Validate() error {
	if _, err := w.verifier(); err != nil || w.Name == "" {
		return &domain.FieldError{Field: "key", Problem: fmt.Sprintf("%.80q is not the key of a witness with a name", w.Key), Want: "use name: NAME and key: as the witness prints it, NAME+HASH+KEY"}
	}
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return &domain.FieldError{Field: "url", Problem: "it is not the address of a witness", Want: "use https://HOST/PATH"}
	}
	return nil
}

// cosigner verifies the signatures of a witness (C2SP tlog-cosignature, version 1).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

const cosignatureAlgorithm = 4

func (w Witness) verifier() (cosigner, error) {
	parts := strings.SplitN(w.Key, "+", 3)
	wrong := errors.New("not the key of a witness")
	if len(parts) != 3 || parts[0] == "" {
		return cosigner{}, wrong
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	key, decoded := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || decoded != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignatureAlgorithm {
		return cosigner{}, wrong
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if binary.BigEndian.Uint32(sum[:]) != uint32(hash) {
		return cosigner{}, wrong
	}
	return cosigner{parts[0], uint32(hash), key[1:]}, nil
}

// Name implements note.Verifier.
func (c cosigner) Name() string { return c.name }

// KeyHash implements note.Verifier.
func (c cosigner) KeyHash() uint32 { return c.hash }

// Verify implements note.Verifier.
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, signed, sig[8:])
}

// Cosigned joins a checkpoint and the answer of a witness to it. It returns when the
// witness signed.
func (w Witness) Cosigned(signed, answer string) (cosigned string, at time.Time, err error) {
	v, err := w.verifier()
	if err != nil {
		return "", at, err
	}
	cosigned = signed + answer
	opened, err := note.Open([]byte(cosigned), note.VerifierList(v))
	if err != nil {
		return "", at, fmt.Errorf("the answer of witness %s is not signed with its key: %w", w.Name, err)
	}
	raw, err := base64.StdEncoding.DecodeString(opened.Sigs[0].Base64)
	if err != nil || len(raw) < 12 {
		return "", at, fmt.Errorf("the answer of witness %s is malformed", w.Name)
	}
	return cosigned, time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC(), nil
}

// cosignedFile is where checkpoints that witnesses have signed are kept.
func (f Files) cosignedFile() string { return f.Checkpoints + ".witnessed" }

// KeepCosigned appends a checkpoint that a witness has signed to the file beside the copy
// outside.
func KeepCosigned(files Files, cosigned string) error {
	return outsideFile{files.cosignedFile()}.append(cosigned)
}

// longestCosigned bounds how much of that file is read, from its end.
const longestCosigned = 1 << 20

// Witnessed is what a witness is known to have seen.
type Witnessed struct {
	Witness string    `json:"witness"`
	Size    int64     `json:"size"`
	At      time.Time `json:"at"`
	Asked   bool      `json:"asked"` // just now, and not only kept here
}

// readWitnessed has the newest checkpoint that each witness has signed compared like one
// in the copy outside.
func (a *audit) readWitnessed(files Files, witnesses []Witness) error {
	if len(witnesses) == 0 {
		return nil
	}
	f, info, err := openRegular(files.cosignedFile())
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: checkpoints of witnesses: %w", eventstore.ErrUnavailable, err)
	}
	defer f.Close()
	from := max(0, info.Size()-longestCosigned)
	content, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return fmt.Errorf("%w: checkpoints of witnesses: %w", eventstore.ErrUnavailable, err)
	}
	paragraphs := strings.Split(string(content), "\n\n")
	for _, w := range witnesses {
		if seen, c, found := w.newestIn(paragraphs, a.key); found {
			a.result.Witnessed = append(a.result.Witnessed, seen)
			a.outer = append(a.outer, c)
		}
	}
	return nil
}

// newestIn finds the largest checkpoint that the witness and the key of the log have signed.
func (w Witness) newestIn(paragraphs []string, key *Key) (seen Witnessed, newest Checkpoint, found bool) {
	for i := range len(paragraphs) - 1 {
		signed := strings.TrimLeft(paragraphs[i], "\n") + "\n\n" + strings.TrimRight(paragraphs[i+1], "\n") + "\n"
		c, err := parseCheckpoint(signed)
		if err != nil || found && c.Size < newest.Size || key != nil && !verified(signed, key.Verifier) {
			continue
		}
		if _, at, err := w.Cosigned(signed, ""); err == nil {
			seen, newest, found = Witnessed{Witness: w.Name, Size: c.Size, At: at}, c, true
		}
	}
	return seen, newest, found
}

// Consistency returns the proof that the tree of the first old events is a prefix of that
// of size, from the stored hashes (RFC 6962).
func Consistency(ctx context.Context, store *eventstore.Store, size, old int64) (tlog.TreeProof, error) {
	if old == 0 || old == size {
		return nil, nil
	}
	return tlog.ProveTree(size, old, storedHashes{ctx, store.Reader()})
}

// Contradict adds what a witness says against the log.
func (r *Result) Contradict(kind Kind, position int64, says string) {
	r.Damage = append([]Damage{{Kind: kind, Position: position, Says: says}}, r.Damage...)
	r.Verdict, r.Says, r.Advice = Damaged, "The log is damaged: "+lower(says), advice[kind]
}
