package proof

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// A key is replaced by a statement that both keys sign, a note of the lines
//
//	scrapelog.key.v1
//	the new public key
//	the old public key
//	SIZE, up to which the old key's checkpoints count
//	TIME
//
// The key file has it after the keys, the newest first, as rotatedWord and the base64 of
// the note. A reader who trusts one of the keys can follow to the others.
const (
	rotatedWord = "ROTATED+"
	rotatedTag  = "scrapelog.key.v1"
)

// oldKey is a key that was replaced.
type oldKey struct {
	note.Verifier
	public string
	until  int64 // its checkpoints of more events do not count
}

// ring is a verifier that knows the keys that it has replaced, the newest first.
type ring struct {
	note.Verifier
	old []oldKey
}

var errRotation = errors.New("holds a replacement of the key that does not hold")

// withOld returns the verifier of a public key that knows its predecessors.
func withOld(public string, key note.Verifier, rotated []string) (note.Verifier, error) {
	if len(rotated) == 0 {
		return key, nil
	}
	r := ring{Verifier: key}
	now := key
	for _, line := range rotated {
		signed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, rotatedWord))
		if err != nil {
			return nil, errRotation
		}
		text, _, _ := strings.Cut(string(signed), "\n\n")
		lines := strings.Split(text, "\n")
		if len(lines) != 5 || lines[0] != rotatedTag || lines[1] != public {
			return nil, errRotation
		}
		before, err := note.NewVerifier(lines[2])
		if err != nil {
			return nil, errRotation
		}
		until, err := strconv.ParseInt(lines[3], 10, 64)
		if err != nil || !carries(signed, now) || !carries(signed, before) || before.Name() != key.Name() {
			return nil, errRotation
		}
		r.old = append(r.old, oldKey{before, lines[2], until})
		now, public = before, lines[2]
	}
	return r, nil
}

func carries(signed []byte, key note.Verifier) bool {
	_, err := note.Open(signed, note.VerifierList(key))
	return err == nil
}

// replacedSigner returns the replaced key that has signed a checkpoint when it was in
// force.
func replacedSigner(signed string, key note.Verifier) (oldKey, bool) {
	r, ok := key.(ring)
	if !ok {
		return oldKey{}, false
	}
	c, err := parseCheckpoint(signed)
	for _, old := range r.old {
		if err == nil && c.Size <= old.until && carries([]byte(signed), old.Verifier) {
			return old, true
		}
	}
	return oldKey{}, false
}

// signingKey returns the public key of the one that has signed a checkpoint.
func signingKey(signed string, key *Key) string {
	if old, found := replacedSigner(signed, key.Verifier); found {
		return old.public
	}
	return key.Public
}

// Is reports whether a public key is this one or one that it has replaced.
func (k *Key) Is(public string) bool {
	if k.Public == public {
		return true
	}
	r, _ := k.Verifier.(ring)
	for _, old := range r.old {
		if old.public == public {
			return true
		}
	}
	return false
}

// followed returns the key in the file if it has replaced k: k has signed it.
func (k *Key) followed(file string) *Key {
	if newer, err := ReadKey(file); err == nil && newer.Public != k.Public && newer.Is(k.Public) {
		return newer
	}
	return k
}

// RotateKey signs everything with the key and then replaces it by a new one, in its file:
// the old key signs the new one. Its own checkpoints stay good up to the last event that
// is signed. No server may use the database; other instances need a copy of the file.
func (s *Sealer) RotateKey(ctx context.Context) (*Key, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.sealAll(ctx); err != nil {
		return nil, err
	}
	last, err := lastStored(ctx, s.store.Reader())
	if err != nil {
		return nil, err
	}
	content, err := ReadFile(s.files.Key, longestKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	content, err = rotated(string(content), s.key, last.Size, time.Now())
	if err != nil {
		return nil, err
	}
	if _, err := parseKey(string(content)); err != nil {
		return nil, err
	}
	if int64(len(content)) > longestKey {
		return nil, fmt.Errorf("%w: the key was replaced too often for its file", domain.ErrConflict)
	}
	if err := replaceFile(s.files.Key, content); err != nil {
		return nil, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	s.key, err = ReadKey(s.files.Key)
	return s.key, err
}

// rotated returns the key file with a new key.
func rotated(content string, old *Key, until int64, at time.Time) ([]byte, error) {
	private, public, err := generateKey(old.Verifier.Name())
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, err
	}
	text := strings.Join([]string{rotatedTag, public, old.Public, strconv.FormatInt(until, 10), at.UTC().Format(time.RFC3339)}, "\n") + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, signer, old.Signer)
	if err != nil {
		return nil, err
	}
	lines := []string{private, public, rotatedWord + base64.StdEncoding.EncodeToString(signed)}
	for _, line := range strings.Fields(content) {
		if strings.HasPrefix(line, rotatedWord) {
			lines = append(lines, line)
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}
