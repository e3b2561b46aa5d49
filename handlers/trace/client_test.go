package trace

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

func anywhere() egress.Rules { return egress.Rules{} }

func TestNoTraceIsSentToAForbiddenAddress(t *testing.T) {
	send := func(ctx context.Context, url string) error {
		client, err := newClient(anywhere)
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/traces", nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err == nil {
			err = answer.Body.Close()
		}
		return err
	}
	egresstest.Refuses(t, send)
	egresstest.RefusesNames(t, send)
}

// The variables of the exporter's own client keep their meaning.
func TestTheEnvironmentsCertificates(t *testing.T) {
	collector := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer collector.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		client, err := newClient(anywhere)
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseIdleConnections()
		answer, err := client.Get(collector.URL)
		if err == nil {
			err = answer.Body.Close()
		}
		return err
	}
	if get() == nil {
		t.Error("a certificate of nobody was accepted")
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, roots)
			if err := get(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1500")
	if client, err := newClient(anywhere); err != nil || client.Timeout != 1500*time.Millisecond {
		t.Errorf("%v %v", client, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", filepath.Join(t.TempDir(), "none"))
	if _, err := newClient(anywhere); err == nil {
		t.Error("a missing file is passed over")
	}
}
