// Package gatetest issues certificates for tests.
package gatetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority issues certificates for localhost and 127.0.0.1.
type Authority struct {
	testing.TB
	File string // its certificate

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority; its certificate is at File.
func New(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{TB: tb, File: filepath.Join(tb.TempDir(), "authority.pem")}
	a.cert, a.key = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	a.must(err)
	a.write(a.File, "CERTIFICATE", der)
	return a
}

// Pool returns what a client trusts that knows only the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	text, err := os.ReadFile(a.File)
	a.must(err)
	pool.AppendCertsFromPEM(text)
	return pool
}

// Issue writes a certificate with a serial number, and its key, to two files.
func (a *Authority) Issue(cert, key string, serial int64, until time.Time) {
	a.Helper()
	own := a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &own.PublicKey, a.key)
	a.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(own)
	a.must(err)
	a.write(key, "PRIVATE KEY", private)
	a.write(cert, "CERTIFICATE", der)
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	return key
}

func (a *Authority) write(path, kind string, der []byte) {
	a.Helper()
	a.must(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (a *Authority) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}
