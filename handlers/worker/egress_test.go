package worker

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

func TestNoPageIsFetchedFromAForbiddenAddress(t *testing.T) {
	w := newWeb(time.Millisecond)
	defer w.close()
	for _, addresses := range egresstest.Forbidden {
		for _, addr := range addresses {
			host := url.PathEscape(addr) // a zone's percent sign
			if strings.Contains(addr, ":") {
				host = "[" + host + "]"
			}
			var denied *egress.DeniedError
			err := w.get(t.Context(), "http://"+host+"/", func(*http.Response) error { return nil })
			if !errors.As(err, &denied) {
				t.Errorf("%s: %v; want a refusal", addr, err)
			}
		}
	}
}

func TestAScrapeOfAForbiddenAddressFails(t *testing.T) {
	resp, leave := post(t, serveHTML(t, shopScrape(t, "http://169.254.169.254/latest/meta-data/")), Order{RunID: "r1"})
	defer leave()
	kind, data, _ := outcome(t, resp)
	if kind != "failed" || !strings.Contains(data, "the egress rules refuse the address 169.254.169.254") {
		t.Errorf("%s %s", kind, data)
	}
}
