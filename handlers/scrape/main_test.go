package scrape

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// trusted and untrusted sign certificates that this process does and does not
// accept.
var trusted, untrusted authority

// TestMain makes trusted the system's only authority, and names what resolves. It
// must come before the first handshake, for crypto/x509 reads the system's roots
// once.
func TestMain(m *testing.M) {
	if address := os.Getenv(scraperVariable); address != "" {
		os.Exit(serveScraper(address))
	}
	if how := os.Getenv(exhaustedVariable); how != "" {
		os.Exit(followExhausted(how))
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "scrape")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		trusted, untrusted = newAuthority(), newAuthority()
		roots := filepath.Join(dir, "roots.pem")
		pemRoots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.cert.Raw})
		if err := os.WriteFile(roots, pemRoots, 0o600); err != nil {
			panic(err)
		}
		_ = os.Setenv("SSL_CERT_FILE", roots)
		_ = os.Setenv("SSL_CERT_DIR", dir)
		net.DefaultResolver = names()
		return m.Run()
	}())
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() authority {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey()
	return authority{sign(template, template, key, key), key}
}

// issue makes a certificate for 127.0.0.1, changed by the given functions.
func (a authority) issue(change ...func(*x509.Certificate)) tls.Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "scraper"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, f := range change {
		f(template)
	}
	key := newKey()
	return tls.Certificate{Certificate: [][]byte{sign(template, a.cert, key, a.key).Raw}, PrivateKey: key}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Errorf("key: %w", err))
	}
	return key
}

func sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		panic(fmt.Errorf("certificate: %w", err))
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(fmt.Errorf("certificate: %w", err))
	}
	return cert
}
