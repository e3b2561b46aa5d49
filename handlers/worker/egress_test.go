package worker

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
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

// A site does not have the worker ask itself.
func TestNoCrawlIsLedToTheWorkerItself(t *testing.T) {
	var itself string
	site := httptest.NewServer(routes{"/robots.txt": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, itself, http.StatusFound)
	}})
	defer site.Close()
	itself = serveHTML(t, shopScrape(t, site.URL+"/"))
	resp, leave := post(t, itself, Order{RunID: "r1"})
	defer leave()
	kind, data, _ := outcome(t, resp)
	if kind != "failed" || !strings.Contains(data, "robots.txt: ") || !strings.Contains(data, "scrapelog itself listens there") {
		t.Errorf("%s %s", kind, data)
	}
}

// A crawl that began on the internet is not led to this network by what the site says
// later: a redirect of robots.txt, or another address for its name.
func TestACrawlOfTheInternetStaysThere(t *testing.T) {
	site := httptest.NewServer(routes{"/": body("<li>lamp")})
	defer site.Close()
	w := newWeb(time.Millisecond)
	defer w.close()
	get := func() error { return w.get(t.Context(), site.URL, func(*http.Response) error { return nil }) }
	if err := get(); err != nil {
		t.Fatalf("a site of this network: %v", err)
	}
	w.begin()
	w.reach.meet(&net.TCPAddr{IP: net.IPv4(93, 184, 215, 14), Port: 443})
	var denied *egress.DeniedError
	if err := get(); !errors.As(err, &denied) || !strings.Contains(err.Error(), "not on the internet, where this crawl began") {
		t.Errorf("after a site of the internet: %v", err)
	}
	w.begin()
	if err := get(); err != nil {
		t.Errorf("the next site: %v", err)
	}
}
