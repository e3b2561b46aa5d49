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

	"scrapelog/domain"
)

// Key signs checkpoints, or only verifies them when the file held no more than
// the public line.
type Key struct {
	Public   string // the verifier key, in the encoding of golang.org/x/mod/sumdb/note
	Signer   note.Signer
	Verifier note.Verifier
}

const privateWord = "PRIVATE+KEY+"

// longestKey bounds a key file.
const longestKey = 64 << 10

// ReadKey reads a key file: the line of the private key, or that of the public
// key for verifying elsewhere, or both. It must be a regular file, and one
// with a private key must be readable by its owner only. The error wraps
// fs.ErrNotExist when there is none.
func ReadKey(path string) (*Key, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := ReadAll(f, path, longestKey)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(string(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if key.Signer != nil {
		err = private(path, info)
	}
	return key, err
}

// KeyOf reads a key that is named by its file or is itself a public key.
func KeyOf(named string) (*Key, error) {
	key, err := ReadKey(named)
	if !absent(err) {
		return key, err
	}
	if key, err := parseKey(named); err == nil && key.Signer == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%w: %q is neither a file nor a public key: %w", domain.ErrInvalid, named, err)
}

// Named reports whether text is the key itself and not the name of its file.
func (k *Key) Named(text string) bool { return k.Public == text }

// parseKey reads the lines of a key file and nothing else.
func parseKey(content string) (*Key, error) {
	var key Key
	var rotated []string
	for _, line := range strings.Fields(content) {
		if strings.HasPrefix(line, rotatedWord) {
			rotated = append(rotated, line)
			continue
		}
		switch private := strings.HasPrefix(line, privateWord); {
		case private && key.Signer == nil:
			signer, err := note.NewSigner(line)
			if err != nil {
				return nil, err
			}
			public, err := publicOf(line)
			if err != nil {
				return nil, err
			}
			if key.Public != "" && key.Public != public {
				return nil, errTwoKeys
			}
			key.Signer, key.Public = signer, public
		case !private && (key.Public == "" || key.Public == line):
			key.Public = line
		default:
			return nil, errTwoKeys
		}
	}
	verifier, err := note.NewVerifier(key.Public)
	if err != nil {
		return nil, err
	}
	key.Verifier, err = withOld(key.Public, verifier, rotated)
	return &key, err
}

var errTwoKeys = errors.New("holds more than one key, or something beside it")

// Fingerprint is the name and the hash of the key, which its signatures carry.
func (k *Key) Fingerprint() string { return fingerprint(k.Verifier.Name(), k.Verifier.KeyHash()) }

func fingerprint(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// absent reports whether a file does not exist, perhaps because a folder is a file.
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

// makeKey writes a new key that only its owner can read. If another process has made
// one meanwhile, that one is kept.
func makeKey(path string) error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	private, public, err := generateKey("scrapelog/" + hex.EncodeToString(random[:]))
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return placeFile(path, []byte(private+"\n"+public+"\n"))
}

func generateKey(name string) (private, public string, err error) {
	return note.GenerateKey(rand.Reader, name)
}

// placeFile makes a file atomically. A file that is there stays as it is.
func placeFile(path string, content []byte) error {
	return writeBeside(path, content, func(written string) error {
		if err := os.Link(written, path); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

// writeBeside writes content into a new file in the folder of path, which publish brings
// to path. If the machine stops, path has the whole content or what it had before.
func writeBeside(path string, content []byte, publish func(written string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := publish(f.Name()); err != nil {
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
