package main_test

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrapelog/eventstore/eventstoretest"
	"scrapelog/handlers/gate/gatetest"
)

// proxies are what people put before a service, each with everything compressed and
// HTTP/2 in front. The replacements put the test's own addresses and files into place.
var proxies = map[string]struct {
	program   string
	config    string // with what deploy has, where it has something
	arguments func(config, folder string) []string
}{
	"nginx": {"/usr/sbin/nginx", `
daemon off; master_process off; pid FOLDER/pid; error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path FOLDER; proxy_temp_path FOLDER; fastcgi_temp_path FOLDER; uwsgi_temp_path FOLDER; scgi_temp_path FOLDER;
	gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;
	include nginx.conf;
}`, func(config, folder string) []string { return []string{"-p", folder, "-c", config} }},
	"caddy": {"/usr/bin/caddy", `
{
	admin off
	auto_https off
}
import Caddyfile`, func(config, _ string) []string { return []string{"run", "--adapter", "caddyfile", "--config", config} }},
	"haproxy": {"/usr/sbin/haproxy", `
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend front
	bind LISTEN ssl crt PAIR alpn h2,http/1.1
	compression algo gzip
	compression type text/event-stream text/html application/json
	http-request set-header Host localhost
	default_backend back
backend back
	server scrapelog 127.0.0.1:8080
`, func(config, _ string) []string { return []string{"-f", config} }},
}

// TestStreamsFlowThroughCompressingProxies asks for each stream as a browser does, with
// Accept-Encoding, and wants what happens while it is open at once.
func TestStreamsFlowThroughCompressingProxies(t *testing.T) {
	if testing.Short() {
		t.Skip("needs nginx, Caddy and HAProxy; make test runs it")
	}
	t.Parallel()
	listen := gatetest.FreeAddress(t)
	a := api{t, "http://" + listen}
	startBehindProxy(t, listen)
	a.ready()
	if code := a.do("PUT", "/api/v1/scrapers/shop", `{"url":"http://127.0.0.1:9/shop"}`, nil); code != http.StatusCreated {
		t.Fatalf("configuring: %d", code)
	}
	for name := range proxies {
		front := startProxy(t, name, listen)
		for _, version := range []string{"HTTP/2.0", "HTTP/1.1"} {
			client := frontClient(t, version)
			for _, path := range []string{"/live?id=tab", "/api/v1/watch?id=tab", "/api/v1/events/stream"} {
				t.Run(name+"/"+version+strings.Split(path, "?")[0], func(t *testing.T) {
					lines := streamLines(t, client, front+path, version)
					if !awaitLine(t, lines, "data: ", 30*time.Second) {
						t.Fatal("it sends no state")
					}
					for _, action := range []string{"pause", "resume"} {
						a.hearsAtOnce(lines, path, action)
					}
				})
			}
		}
	}
}

// hearsAtOnce does something to a scraper and wants the stream to tell of it before a beat,
// which comes every 5 s, could push along what was held back. A busy machine may be as slow:
// then it tries again, right after a beat.
func (a api) hearsAtOnce(lines <-chan string, path, action string) {
	a.t.Helper()
	for try := range 5 {
		reason := fmt.Sprintf("%s %d of %s", action, try, path)
		if code := a.do("POST", "/api/v1/scrapers/shop/"+action, fmt.Sprintf(`{"reason":%q}`, reason), nil); code != http.StatusOK {
			a.t.Fatalf("%s: %d", action, code)
		}
		wanted := map[bool]string{true: "event: scraper-shop", false: fmt.Sprintf(`"paused":%v`, action == "pause")}[strings.HasPrefix(path, "/live")]
		if strings.HasSuffix(path, "stream") {
			wanted = reason
		}
		if awaitLine(a.t, lines, wanted, 3*time.Second) {
			return
		}
		awaitLine(a.t, lines, "beat", 30*time.Second)
		a.do("POST", "/api/v1/scrapers/shop/"+map[string]string{"pause": "resume", "resume": "pause"}[action], `{"reason":"once more"}`, nil)
	}
	a.t.Fatalf("%s was held back, five times", action)
}

// startBehindProxy starts a server as the files in deploy want it.
func startBehindProxy(t *testing.T, listen string) {
	t.Helper()
	config := write(t, filepath.Join(t.TempDir(), "scrapelog.yaml"), "trusted_proxies: [127.0.0.1/32]\n")
	start(t, "serve", "--config", config, "--db", eventstoretest.SQLite(t).URL, "--listen", listen)
}

// startProxy starts a proxy before scrapelog and returns its URL.
func startProxy(t *testing.T, name, scrapelog string) string {
	t.Helper()
	p, folder, listen := proxies[name], t.TempDir(), gatetest.FreeAddress(t)
	_, port, _ := strings.Cut(listen, ":")
	pair := write(t, filepath.Join(folder, "pair.pem"), string(pairPEM(t)))
	own := strings.NewReplacer(
		"FOLDER", folder, "LISTEN", listen, "PAIR", pair, "127.0.0.1:8080", scrapelog,
		"listen 443", "listen "+listen, "/etc/ssl/scrapelog.pem", pair, "/etc/ssl/scrapelog.key", pair,
		"scrapelog.example {", fmt.Sprintf("https://localhost:%s {\n\tbind 127.0.0.1\n\ttls %s %[2]s", port, pair),
		"encode zstd gzip", "encode {\n\t\tgzip\n\t\tminimum_length 1\n\t\tmatch {\n\t\t\theader Content-Type *\n\t\t}\n\t}")
	for _, shipped := range []string{"nginx.conf", "Caddyfile"} {
		write(t, filepath.Join(folder, shipped), own.Replace(read(t, filepath.Join("../../deploy/proxy", shipped))))
	}
	config := write(t, filepath.Join(folder, "proxy.conf"), own.Replace(p.config))
	command := exec.Command(p.program, p.arguments(config, folder)...)
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	said := &output{}
	command.Stdout, command.Stderr = said, said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, said.end())
		}
	})
	front := "https://localhost:" + port
	client := frontClient(t, "HTTP/1.1")
	await(t, 30*time.Second, name+" answers", func() bool {
		res, err := client.Get(front + "/healthz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return front
}

// pairPEM is the certificate and key of net/http/httptest.
func pairPEM(t *testing.T) []byte {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.StartTLS()
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
}

// frontClient speaks one version of HTTP with a proxy, and decodes nothing by itself.
func frontClient(t *testing.T, version string) *http.Client {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(version == "HTTP/1.1")
	protocols.SetHTTP2(version == "HTTP/2.0")
	transport := &http.Transport{
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // a certificate of the test's own
		Protocols:          protocols,
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// streamLines opens a stream and yields its lines as they come.
func streamLines(t *testing.T, client *http.Client, url, version string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	req.Header.Set("Accept", "text/event-stream")
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		res, err := client.Do(req)
		if err != nil {
			return // awaitLine says that nothing came
		}
		defer res.Body.Close()
		lines <- fmt.Sprintf("%s %s", res.Proto, res.Header)
		var body io.Reader = res.Body
		if res.Header.Get("Content-Encoding") == "gzip" {
			if body, err = gzip.NewReader(res.Body); err != nil {
				return
			}
		}
		for scanner := bufio.NewScanner(body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	if !awaitLine(t, lines, version, 30*time.Second) {
		t.Fatalf("no answer over %s", version)
	}
	return lines
}

// awaitLine reads until a line has a text in it, or that takes too long.
func awaitLine(t testing.TB, lines <-chan string, wanted string, within time.Duration) bool {
	t.Helper()
	late := time.After(within)
	for {
		select {
		case line, open := <-lines:
			if !open {
				t.Fatalf("the stream ended before %q", wanted)
			}
			if strings.Contains(line, wanted) {
				return true
			}
		case <-late:
			return false
		}
	}
}
