package credentials

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"scrapelog/domain"
)

// The cost of a hash, as OWASP's Password Storage Cheat Sheet has it for argon2id.
const (
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashThreads = 1
	hashBytes   = 32
	saltBytes   = 16
)

// hashing bounds the hashes that are computed at once, and with them the memory that
// logins use.
var hashing = make(chan struct{}, 2)

var hashPrefix = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, hashMemory, hashPasses, hashThreads)

// hashed returns the hash of a password that may be used, in the PHC string format.
func hashed(ctx context.Context, password string) (string, error) {
	if err := domain.CheckPassword("password", password); err != nil {
		return "", err
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	key, err := argon(ctx, password, salt)
	return hashPrefix + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key), err
}

// matches reports whether a hash is that of a password. It does the same work when the
// hash is empty or was not made here, and the answer is no.
func matches(ctx context.Context, hash, password string) (bool, error) {
	salt, want, ok := parseHash(hash)
	if !ok || len(password) > domain.MaxPassword {
		salt, want, password = make([]byte, saltBytes), nil, ""
	}
	key, err := argon(ctx, password, salt)
	return subtle.ConstantTimeCompare(key, want) == 1, err
}

func parseHash(hash string) (salt, key []byte, ok bool) {
	rest, ok := strings.CutPrefix(hash, hashPrefix)
	before, after, both := strings.Cut(rest, "$")
	salt, saltErr := base64.RawStdEncoding.DecodeString(before)
	key, keyErr := base64.RawStdEncoding.DecodeString(after)
	return salt, key, ok && both && saltErr == nil && keyErr == nil && len(key) == hashBytes
}

func argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
		return argon2.IDKey([]byte(password), salt, hashPasses, hashMemory, hashThreads, hashBytes), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
