package worker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"scrapelog/handlers/egress"
	"scrapelog/handlers/egress/egresstest"
)

func TestNoPageIsFetchedFromAForbiddenAddress(t *testing.T) {
	fetch := func(ctx context.Context, url string) error {
		w := newWeb(time.Millisecond)
		defer w.close()
		return w.get(ctx, url, func(*http.Response) error { return nil })
	}
	egresstest.Refuses(t, fetch)
	egresstest.RefusesNames(t, fetch)
}

// A proxy resolves names itself; what the URL says is checked here.
func TestNoProxyIsAskedForAForbiddenAddress(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	by, _ := url.Parse(proxy.URL)
	fetch := func(ctx context.Context, url string) error {
		w := newWeb(time.Millisecond)
		defer w.close()
		w.client.Transport.(*http.Transport).Proxy = w.reach.behind(http.ProxyURL(by))
		return w.get(ctx, url, func(*http.Response) error { return nil })
	}
	if err := fetch(t.Context(), "http://shop.example/"); err != nil || asked.Load() != 1 {
		t.Fatalf("by the proxy: %v", err)
	}
	if egresstest.Refuses(t, fetch); asked.Load() != 1 {
		t.Errorf("the proxy was asked %d times", asked.Load()-1)
	}
}

func TestNoWorkerAnnouncesItselfToAForbiddenAddress(t *testing.T) {
	w := &Worker{}
	announce := func(ctx context.Context, url string) error {
		w.cfg.Announce = url
		client := w.announcer()
		defer client.CloseIdleConnections()
		return w.announceOnce(ctx, client, nil)
	}
	egresstest.Refuses(t, announce)
	egresstest.RefusesNames(t, announce)
}

// egress of the worker's configuration holds for its pages.
func TestWhatTheWorkerMayFetchIsConfigured(t *testing.T) {
	site := httptest.NewServer(routes{"/": body("<li>lamp")})
	defer site.Close()
	cfg := Config{Egress: egress.Networks{Deny: []string{"127.0.0.0/8"}}, Scrapes: []Scrape{{Name: "job", HTML: shopScrape(t, site.URL+"/")}}}
	base, _ := serve(t, cfg)
	resp, leave := post(t, base+"/scrapes/job", Order{RunID: "r1"})
	defer leave()
	if kind, data, _ := outcome(t, resp); kind != "failed" || !strings.Contains(data, "it is in egress.deny") {
		t.Errorf("%s %s", kind, data)
	}
	cfg.Egress.Deny = []string{"nonsense"}
	cfg.Listen, cfg.Beat = "127.0.0.1:0", DefaultConfig().Beat
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "egress.deny[0]") {
		t.Errorf("no network: %v", err)
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
