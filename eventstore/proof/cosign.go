package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"scrapelog/domain"
)

// Witness is a server that signs checkpoints of which it has seen that each follows from
// the one before (C2SP tlog-witness).
type Witness struct {
	Name string `yaml:"name" json:"name"` // as scrapelog calls it
	Key  string `yaml:"key" json:"key"`   // its public key, as the witness prints it: NAME+HASH+KEY
	URL  string `yaml:"url" json:"url"`   // add-checkpoint is below it
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

const (
	cosignatureAlgorithm = 4
	latestTime           = 253402300799 // the last second of the year 9999, the last one that RFC 3339 has
)

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
	if seconds := binary.BigEndian.Uint64(sig); seconds > latestTime {
		return false
	}
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, signed, sig[8:])
}

// Cosigned adds the signature of the witness, from its answer, to a signed checkpoint. It
// returns when the witness signed. What else the answer holds is left out.
func (w Witness) Cosigned(signed, answer string) (cosigned string, at time.Time, err error) {
	v, err := w.verifier()
	if err != nil {
		return "", at, err
	}
	opened, err := note.Open([]byte(signed+answer), note.VerifierList(v))
	if err != nil {
		return "", at, fmt.Errorf("the answer of witness %s is not signed with its key (%w): %.200q", w.Name, err, answer)
	}
	cosignature := opened.Sigs[0]
	return fmt.Sprintf("%s%s%s %s\n", signed, signaturePrefix, cosignature.Name, cosignature.Base64), cosignedAt(cosignature), nil
}

// cosignedAt is the time of a cosignature that was verified.
func cosignedAt(s note.Signature) time.Time {
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(raw) < 12 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC()
}

// signer is the name and the hash of a key, as a signature claims them.
type signer struct {
	name string
	hash uint32
}

// signers returns who claims to have signed a note.
func signers(signed string) (claimed []signer) {
	_, err := note.Open([]byte(signed), note.VerifierList())
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		for _, s := range unverified.Note.UnverifiedSigs {
			claimed = append(claimed, signer{s.Name, s.Hash})
		}
	}
	return claimed
}

// seen reports whether the log and the witness have signed a checkpoint, and when the
// witness did. Without a key of the log its signature is not looked at.
func (w Witness) seen(cosigned string, key note.Verifier) (at time.Time, ok bool) {
	v, err := w.verifier()
	if err != nil || key != nil && !verified(cosigned, key) {
		return at, false
	}
	opened, err := note.Open([]byte(cosigned), note.VerifierList(v))
	if err != nil {
		return at, false
	}
	return cosignedAt(opened.Sigs[0]), true
}

// WitnessState is how a witness stands to the log, as an instance sees it.
type WitnessState struct {
	Witness string    `json:"witness"`
	Size    int64     `json:"size,omitempty"`    // events of the newest checkpoint that it has signed
	At      time.Time `json:"at,omitzero"`       // when it signed that
	Refused bool      `json:"refused,omitempty"` // it refuses the log
	Since   time.Time `json:"since,omitzero"`    // since when it has not signed what it was asked to sign
	Says    string    `json:"says,omitempty"`    // why: a sentence that holds the words of the witness
}

// witnessPatience is how long a witness may fail to answer before people are told.
const witnessPatience = 10 * time.Minute

// Trouble returns what people must be told of the witness, by a name that stays the same
// while it lasts; empty: nothing. A refusal is told at once.
func (s WitnessState) Trouble(now time.Time) (name, says string) {
	switch {
	case s.Says == "":
	case s.Refused:
		return fmt.Sprintf("witness %s refuses the log", s.Witness), s.Says
	case now.Sub(s.Since) >= witnessPatience:
		return fmt.Sprintf("witness %s does not sign the log", s.Witness),
			fmt.Sprintf("Witness %s has not signed the log since %s: %s.", s.Witness, s.Since.UTC().Format(time.RFC3339), strings.TrimSuffix(s.Says, "."))
	}
	return "", ""
}
