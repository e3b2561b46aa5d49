package trace

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"scrapelog/handlers/egress"
)

// sendTime bounds one request to the collector unless the environment says otherwise.
const sendTime = 10 * time.Second

// newClient returns what the exporter sends with. The exporter's own client would
// connect anywhere; in its place the client has to read what the environment says about
// certificates and the timeout.
func newClient(rules func() egress.Rules) (*http.Client, error) {
	transport := egress.Dialer{Rules: rules}.Transport()
	config, err := certificates()
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = config
	client := &http.Client{Transport: transport, Timeout: sendTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if ms, err := strconv.ParseUint(setting("TIMEOUT"), 10, 31); err == nil {
		client.Timeout = time.Duration(ms) * time.Millisecond
	}
	return client, nil
}

// setting returns the variable of the exporter with this end, that for traces first.
func setting(end string) string {
	if value := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_" + end); value != "" {
		return value
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_" + end)
}

func certificates() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := setting("CERTIFICATE"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", path)
		}
	}
	if cert, key := setting("CLIENT_CERTIFICATE"), setting("CLIENT_KEY"); cert != "" && key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
