package main_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// TestServiceOverTLS plays a service with a certificate of a private CA: what browsers,
// commands, a worker and a trusted proxy see of it, and what its change breaks.
func TestServiceOverTLS(t *testing.T) {
	dir, listen, authority := t.TempDir(), gatetest.FreeAddress(t), gatetest.New(t)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	inAMonth := time.Now().Add(30 * 24 * time.Hour)
	authority.Issue(cert, key, 2, inAMonth)
	config := write(t, filepath.Join(dir, "scrapelog.yaml"), "tls: {cert: "+cert+", key: "+key+"}\n"+
		"trusted_proxies: [127.0.0.1]\nhosts: [scrapes.example]\nlimits: {streams_per_client: 1}\n")
	p := start(t, "serve", "--config", config, "--listen", listen, "--db", eventstoretest.SQLite(t).URL)
	base := "https://" + listen
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	browser := &http.Client{Transport: transport}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ask := func(method, path string, headers ...string) (*http.Response, error) {
		var body io.Reader
		if method == http.MethodPut {
			body = strings.NewReader(`{"url":"http://127.0.0.1:9/"}`)
		}
		r, err := http.NewRequestWithContext(ctx, method, base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(headers) > 0; headers = headers[2:] {
			r.Header.Set(headers[0], headers[1])
		}
		return browser.Do(r)
	}
	await(t, 30*time.Second, "it is ready", func() bool {
		res, err := ask(http.MethodGet, "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})

	// The host is the proxy's client's, and a browser that came by HTTPS stays with it.
	for _, tt := range []struct {
		host, proto string
		code        int
		strict      bool
	}{{"", "", 200, false}, {"scrapes.example", "", 200, true}, {"scrapes.example", "http", 200, false}, {"evil.example", "https", 403, true}} {
		res, err := ask(http.MethodGet, "/", "X-Forwarded-Host", tt.host, "X-Forwarded-Proto", tt.proto)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if strict := res.Header.Get("Strict-Transport-Security") != ""; res.StatusCode != tt.code || strict != tt.strict {
			t.Errorf("%q over %q: %d, HSTS %v", tt.host, tt.proto, res.StatusCode, strict)
		}
	}

	// Streams are counted by the address that the proxy names, not by those that its clients send.
	stream, err := ask(http.MethodGet, "/api/v1/events/stream", "X-Forwarded-For", "203.0.113.7")
	if err != nil || stream.StatusCode != http.StatusOK || stream.ProtoMajor != 2 {
		t.Fatalf("%v, %v", stream, err)
	}
	defer stream.Body.Close()
	for from, want := range map[string]int{"203.0.113.7": 429, "198.51.100.3, 203.0.113.7": 429, "203.0.113.7, 198.51.100.3": 200} {
		res, err := ask(http.MethodGet, "/api/v1/events/stream", "X-Forwarded-For", from)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("a second stream for %s: %d, want %d", from, res.StatusCode, want)
		}
	}

	// Commands and workers trust SSL_CERT_FILE.
	if _, errs, code := command(t, "scrapers", "list", "--server", base); code != 4 || !strings.Contains(errs, "SSL_CERT_FILE") {
		t.Errorf("without the CA: %d %s", code, errs)
	}
	if _, errs, code := command(t, "scrapers", "list", "--server", "http://"+listen); code != 4 || !strings.Contains(errs, "give https://") {
		t.Errorf("over HTTP: %d %s", code, errs)
	}
	t.Setenv("SSL_CERT_FILE", authority.File)
	if out, errs, code := command(t, "scrapers", "list", "--server", base); code != 0 {
		t.Errorf("with the CA: %d %s %s", code, out, errs)
	}
	worker := start(t, "worker", "--config", write(t, filepath.Join(dir, "worker.yaml"),
		"listen: "+gatetest.FreeAddress(t)+"\nannounce: "+base+"/api/v1/announce\nscrapes: [{name: shop, command: ['true']}]\n"))
	await(t, 30*time.Second, "the worker has announced itself", func() bool { return strings.Contains(worker.out.String(), "INF announced") })

	// The certificate changes, then goes bad; the stream goes on.
	serial := func() int64 {
		conn, err := tls.Dial("tcp", listen, &tls.Config{RootCAs: authority.Pool()})
		if err != nil {
			return 0
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	authority.Issue(cert, key, 3, inAMonth)
	hangUp(t, p)
	await(t, 30*time.Second, "the new certificate is in use", func() bool { return serial() == 3 })
	write(t, key, "not a key")
	hangUp(t, p)
	await(t, 30*time.Second, "readiness warns of it", func() bool {
		res, err := ask(http.MethodGet, "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return err == nil && strings.Contains(string(text), "the changed certificate cannot be used") && res.StatusCode == http.StatusOK
	})
	await(t, 30*time.Second, "the log warns too", func() bool {
		return strings.Contains(p.out.String(), "WRN the changed certificate cannot be used")
	})
	if serial() != 3 || strings.Count(p.out.String(), "WRN the changed certificate cannot be used") != 1 {
		t.Errorf("certificate %d is in use, and it said\n%s", serial(), p.out)
	}
	if res, err := ask(http.MethodPut, "/api/v1/scrapers/shop", "Content-Type", "application/json"); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("configuring: %v, %v", res, err)
	}
	seen := make([]byte, 64<<10)
	for got := ""; !strings.Contains(got, "scraper.configured"); {
		n, err := stream.Body.Read(seen)
		if got += string(seen[:n]); err != nil {
			t.Fatalf("the stream ended: %v\n%s", err, got)
		}
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

func hangUp(t *testing.T, p *process) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
