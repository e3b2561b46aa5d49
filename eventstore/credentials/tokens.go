package credentials

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// Token lets a program in as a user, with no more rights than the user has.
type Token struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"` // what it is for
	User       uuid.UUID   `json:"user_id"`
	Role       domain.Role `json:"role"`
	Scrapers   string      `json:"scrapers,omitempty"` // a glob; empty: every scraper
	CreatedAt  time.Time   `json:"created_at"`
	ExpiresAt  time.Time   `json:"expires_at"`
	LastUsedAt time.Time   `json:"last_used_at,omitzero"` // to the hour
	RevokedAt  time.Time   `json:"revoked_at,omitzero"`
	sha256     string
}

const (
	tokenColumns = `id, "user", name, sha256, role, scrapers, created_at, expires_at, last_used_at, revoked_at`
	allTokens    = `SELECT ` + tokenColumns + ` FROM tokens ORDER BY created_at DESC, id`
	tokensOf     = `SELECT ` + tokenColumns + ` FROM tokens WHERE "user" = $1 ORDER BY created_at DESC, id`
	tokenByID    = `SELECT ` + tokenColumns + ` FROM tokens WHERE id = $1`
)

func scanToken(row eventstore.Scanner) (t Token, err error) {
	return t, row.Scan(&t.ID, &t.User, &t.Name, &t.sha256, &t.Role, &t.Scrapers, eventstore.Micros{To: &t.CreatedAt}, eventstore.Micros{To: &t.ExpiresAt},
		eventstore.Micros{To: &t.LastUsedAt}, eventstore.Micros{To: &t.RevokedAt})
}

// Tokens lists the tokens of a user, or with uuid.Nil of all users, newest first.
func (s *Store) Tokens(ctx context.Context, user uuid.UUID) ([]Token, error) {
	if user == uuid.Nil {
		return eventstore.Select(ctx, s.log.From(ctx), "tokens", scanToken, allTokens)
	}
	return eventstore.Select(ctx, s.log.From(ctx), "tokens", scanToken, tokensOf, user.String())
}

// Token returns a token by its id, or domain.ErrNotFound.
func (s *Store) Token(ctx context.Context, id string) (Token, error) {
	return eventstore.SelectOne(ctx, s.log.From(ctx), fmt.Sprintf("token %.40q", id), scanToken, tokenByID, id)
}

// Grant is what a new token is to be.
type Grant struct {
	Name     string // what it is for
	User     uuid.UUID
	Role     domain.Role
	Scrapers string        // a glob; empty: every scraper
	Life     time.Duration // at most domain.MaxTokenLife
}

// Issue makes a token and returns it with its text, which is kept nowhere, and the
// position of its event.
func (s *Store) Issue(ctx context.Context, by string, g Grant) (t Token, text string, position int64, err error) {
	if err := domain.CheckUserName("name", g.Name); err != nil {
		return t, "", 0, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	id, secret := random(10), random(32)
	t = Token{ID: id, Name: g.Name, User: g.User, Role: g.Role, Scrapers: g.Scrapers, CreatedAt: now, ExpiresAt: now.Add(g.Life), sha256: digest(secret)}
	command := domain.IssueToken{ToUser: domain.ToUser{UserID: g.User, By: by}, TokenID: id, Role: g.Role, Scrapers: g.Scrapers, ExpiresAt: t.ExpiresAt}
	position, err = s.change(ctx, g.User, by, func(context.Context, domain.Others) (domain.UserCommand, error) { return command, nil }, func(ctx context.Context) error {
		return s.exec(ctx, "issue token", `INSERT INTO tokens (`+tokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL)`,
			t.ID, t.User.String(), t.Name, t.sha256, string(t.Role), t.Scrapers, t.CreatedAt.UnixMicro(), t.ExpiresAt.UnixMicro())
	})
	return t, textOf(id, secret), position, err
}

// Revoke ends a token.
func (s *Store) Revoke(ctx context.Context, by, id string) (position int64, err error) {
	t, err := s.Token(ctx, id)
	if err != nil {
		return 0, err
	}
	return s.change(ctx, t.User, by, func(ctx context.Context, _ domain.Others) (domain.UserCommand, error) {
		t, err := s.Token(ctx, id)
		return domain.RevokeToken{ToUser: domain.ToUser{UserID: t.User, By: by}, TokenID: id, Revoked: !t.RevokedAt.IsZero()}, err
	}, func(ctx context.Context) error {
		return s.exec(ctx, "revoke token", `UPDATE tokens SET revoked_at = $1 WHERE id = $2`, s.now().UnixMicro(), id)
	})
}

// tokenPrefix lets people, and programs that look for leaked secrets, recognise a token.
const tokenPrefix = "slg_"

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return lowerBase32.EncodeToString(b)
}

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func textOf(id, secret string) string {
	text := tokenPrefix + id + "_" + secret
	return fmt.Sprintf("%s_%08x", text, crc32.ChecksumIEEE([]byte(text)))
}

// ErrNoToken is the answer to a text that is no token.
var ErrNoToken = errors.New("not a token")

// ParseToken splits the text of a token, "slg_<id>_<secret>_<crc>". A text that was cut
// or mistyped is ErrNoToken.
func ParseToken(text string) (id, secret string, err error) {
	parts := strings.Split(strings.TrimPrefix(text, tokenPrefix), "_")
	if len(parts) != 3 || textOf(parts[0], parts[1]) != text {
		return "", "", ErrNoToken
	}
	return parts[0], parts[1], nil
}

// CheckToken returns the token whose text this is. The error is ErrNoToken if there is
// none; the caller decides whether it is still valid.
func (s *Store) CheckToken(ctx context.Context, text string) (Token, error) {
	id, secret, err := ParseToken(text)
	if err != nil {
		return Token{}, err
	}
	t, err := s.Token(ctx, id)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return Token{}, ErrNoToken
	case err != nil:
		return Token{}, err
	case subtle.ConstantTimeCompare([]byte(t.sha256), []byte(digest(secret))) != 1:
		return Token{}, ErrNoToken
	}
	return t, nil
}

// Used records that a token is used, to the hour.
func (s *Store) Used(ctx context.Context, t Token) error {
	hour := s.now().UTC().Truncate(time.Hour)
	if !t.LastUsedAt.Before(hour) {
		return nil
	}
	return s.exec(ctx, "token used", `UPDATE tokens SET last_used_at = $1 WHERE id = $2`, hour.UnixMicro(), t.ID)
}
