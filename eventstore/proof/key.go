package proof

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints, or only verifies them when the file held no more than
// the public line.
type Key struct {
	Public   string // the verifier key, in the encoding of golang.org/x/mod/sumdb/note
	Signer   note.Signer
	Verifier note.Verifier
}

const privateWord = "PRIVATE+KEY+"

// ReadKey reads a key file: the line of the private key, or that of the public
// key for those who verify elsewhere, or both. The error wraps fs.ErrNotExist
// when there is none.
func ReadKey(path string) (*Key, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var key Key
	for _, line := range strings.Fields(string(content)) {
		if !strings.HasPrefix(line, privateWord) {
			key.Public = line
			continue
		}
		if key.Signer, err = note.NewSigner(line); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if key.Public, err = publicOf(line); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		break
	}
	if key.Verifier, err = note.NewVerifier(key.Public); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &key, nil
}

// absent says whether a file is not there, be it that its folder is none.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }

// publicOf derives the verifier key of a signer key. note has no function for
// it; the encoding is documented there: a byte for the algorithm, the seed.
func publicOf(signer string) (string, error) {
	fields := strings.SplitN(strings.TrimPrefix(signer, privateWord), "+", 3)
	if len(fields) != 3 {
		return "", errors.New("malformed key")
	}
	raw, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", errors.New("malformed key")
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(fields[0], public)
}

// makeKey writes a new key, readable by its owner alone. When another process
// has made one meanwhile that one is kept.
func makeKey(path string) error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	private, public, err := note.GenerateKey(rand.Reader, "scrapelog/"+hex.EncodeToString(random[:]))
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return placeFile(path, []byte(private+"\n"+public+"\n"))
}

// placeFile makes a file that is whole or not there, whenever the machine stops.
func placeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
