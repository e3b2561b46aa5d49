package gate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// certificateLook is how often the files of a certificate are looked at.
	certificateLook = 2 * time.Second
	// certificateSoon is how long before the end of a certificate it is warned of.
	certificateSoon = 7 * 24 * time.Hour
	// maxPEM bounds a file of a certificate or key.
	maxPEM = 1 << 20
)

// Certificate is a certificate and its key in two PEM files, which are read again when
// they change. A changed pair that cannot be used leaves the one before in use.
type Certificate struct {
	cert, key string // files
	logger    *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	taken   content       // what pair was made of
	seen    content       // at the last look
	told    content       // warned of
	refused error         // why the files as they are now are not used
	left    time.Duration // until the end of the certificate, at the last look
}

// content stands for what both files hold, or for why they cannot be read.
type content [sha256.Size]byte

// OpenCertificate reads a certificate and its key. An expired one is used, with a warning:
// a service that does not start would lose more.
func OpenCertificate(cert, key string, logger *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, logger: logger, left: certificateSoon}
	pair, found, err := c.read()
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o004 != 0 {
		logger.Warn("every user of this machine can read the key of the certificate; chmod o-r it", "file", key)
	}
	c.pair, c.taken = pair, found
	c.warnOfEnd(time.Now())
	return c, nil
}

// Config returns the settings of a server with the certificate: TLS 1.2 or newer.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.pair, nil
	}}
}

// Follow reads the files again at each signal, and when they have changed, until ctx ends.
// Open connections go on with the certificate that they began with.
func (c *Certificate) Follow(ctx context.Context, again <-chan os.Signal) {
	tick := time.NewTicker(certificateLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
			c.look(true)
		case <-tick.C:
			c.look(false)
		}
	}
}

// look takes what the files hold now. Unless it was asked for, a bad content is reported
// when it is still there at the second look: the two files change one after the other.
func (c *Certificate) look(asked bool) {
	pair, found, err := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	again := found == c.seen
	c.seen = found
	if err == nil && found != c.taken {
		err = c.worse(pair)
	}
	switch {
	case err == nil:
		c.refused, c.told = nil, content{}
		if found != c.taken {
			c.pair, c.taken = pair, found
			c.logger.Info("certificate read again", "file", c.cert, "expires_at", pair.Leaf.NotAfter.UTC())
		}
	case asked || again && found != c.told:
		c.refused, c.told = err, found
		c.logger.Warn("the changed certificate cannot be used; the one before stays in use", "file", c.cert, "expires_at", c.pair.Leaf.NotAfter.UTC(), "error", err)
	}
	c.warnOfEnd(time.Now())
}

// worse returns why a pair should not take the place of the one in use.
func (c *Certificate) worse(pair *tls.Certificate) error {
	now := time.Now()
	leaf, used := pair.Leaf, c.pair.Leaf
	switch {
	case now.After(leaf.NotAfter) && leaf.NotAfter.Before(used.NotAfter):
		return fmt.Errorf("%s: it expired at %s", c.cert, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore) && now.After(used.NotBefore):
		return fmt.Errorf("%s: it is not valid before %s", c.cert, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// warnOfEnd logs once that the certificate ends soon, and once that it has ended.
func (c *Certificate) warnOfEnd(now time.Time) {
	before := c.left
	c.left = c.pair.Leaf.NotAfter.Sub(now)
	if words := ends(c.pair, now); words != "" && (before >= certificateSoon || before > 0 && c.left <= 0) {
		c.logger.Warn(words, "file", c.cert, "expires_at", c.pair.Leaf.NotAfter.UTC())
	}
}

// Warnings says in words what is wrong with the certificate or with its files. A nil
// Certificate has none.
func (c *Certificate) Warnings() (warnings []string) {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if words := ends(c.pair, time.Now()); words != "" {
		warnings = append(warnings, words)
	}
	if c.refused != nil {
		warnings = append(warnings, fmt.Sprintf("the changed certificate cannot be used: %v", c.refused))
	}
	return warnings
}

// ends says when a certificate ends, if that is soon or was before.
func ends(pair *tls.Certificate, now time.Time) string {
	at := pair.Leaf.NotAfter.UTC().Format(time.RFC3339)
	switch left := pair.Leaf.NotAfter.Sub(now); {
	case left <= 0:
		return "the certificate (tls.cert) expired at " + at + ": clients refuse it"
	case left < certificateSoon:
		return "the certificate (tls.cert) expires at " + at
	}
	return ""
}

// read reads both files.
func (c *Certificate) read() (pair *tls.Certificate, found content, err error) {
	cert, certErr := readPEM(c.cert)
	key, keyErr := readPEM(c.key)
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, sha256.Sum256([]byte(err.Error())), err
	}
	found = sha256.Sum256(bytes.Join([][]byte{cert, key}, []byte{0}))
	made, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, found, fmt.Errorf("%s and %s: %w", c.cert, c.key, err)
	}
	return &made, found, nil
}

// readPEM reads a regular file: a pipe would hold the service up.
func readPEM(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case info.Size() > maxPEM:
		return nil, fmt.Errorf("%s: larger than 1 MiB", path)
	}
	return os.ReadFile(path)
}
