package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/egress/egresstest"
)

// diallers are the ways in which this package connects.
var diallers = map[string]func(context.Context, Target) error{
	"a run": func(ctx context.Context, t Target) error {
		req, err := Order{}.Request(ctx, t)
		if err != nil {
			return err
		}
		resp, err := Exchange(req, t, func(func() bool) {})
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	},
	"a probe by HEAD": func(ctx context.Context, t Target) error {
		return probed(Probe(ctx, t))
	},
	"a probe by probe.url": func(ctx context.Context, t Target) error {
		t.Probe.URL, t.URL = t.URL, "http://shop.invalid/"
		return probed(Probe(ctx, t))
	},
}

func probed(back, answered bool, err error) error {
	if err != nil && (back || answered) {
		return errors.New("an address that is refused has answered")
	}
	return err
}

func TestNoDiallerReachesAForbiddenAddress(t *testing.T) {
	for name, dialler := range diallers {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				egresstest.Refuses(t, func(ctx context.Context, url string) error {
					if secure {
						url = strings.Replace(url, "http:", "https:", 1)
					}
					return invalid(dialler(ctx, config(url+"/scrapes/shop")))
				})
			})
		}
		t.Run(name+", by names", func(t *testing.T) {
			egresstest.RefusesNames(t, func(ctx context.Context, url string) error { return invalid(dialler(ctx, config(url+"/scrapes/shop"))) })
		})
	}
}

// invalid returns a refusal only if it is one of the configuration: then the run failed,
// and its connection is not lost.
func invalid(err error) error {
	if err != nil && !errors.Is(err, domain.ErrInvalid) {
		return errors.New("not the fault of the configuration: " + err.Error())
	}
	return err
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	egresstest.Denied(t, what, invalid(err))
}

// The address that is connected to decides, at each attempt, not the name.
func TestNamesAreJudgedByTheirAddresses(t *testing.T) {
	peer := newScraperPort(t)
	closed := closedPort(t)
	at := func(name string, port string) Target { return config("http://" + name + ":" + port + "/scrapes/shop") }
	egresstest.Resolver(t, map[string][][]string{
		"both.test.":    {{"169.254.169.254", "127.0.0.1"}},
		"neither.test.": {{"127.0.0.1", "169.254.169.254"}},
		"private.test.": {{"127.0.0.1"}},
	})
	for name, dialler := range diallers {
		refused(t, name+" to two that do not answer", dialler(t.Context(), at("neither.test", closed)))
		public := at("private.test", peer.port)
		public.Egress.PublicOnly = true
		refused(t, name+" to a private address", dialler(t.Context(), public))
		own := at("private.test", peer.port)
		own.Egress.Own = netip.MustParseAddrPort("127.0.0.1:" + peer.port)
		refused(t, name+" to our own listener", dialler(t.Context(), own))
		if asked := peer.asked(); asked != 0 {
			t.Errorf("%s asked %d times where it may not", name, asked)
		}
		if err := dialler(t.Context(), at("both.test", peer.port)); err != nil || peer.asked() != 1 {
			t.Errorf("%s to a name with one address that is allowed: %v", name, err)
		}
	}
}

// scraperPort is a scraper that counts who asks it.
type scraperPort struct {
	port string
	mu   sync.Mutex
	n    int
}

func newScraperPort(t *testing.T) *scraperPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &scraperPort{}
	_, p.port, _ = net.SplitHostPort(l.Addr().String())
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.n++
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return p
}

// asked returns how often it was asked since the last call.
func (p *scraperPort) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.n = 0 }()
	return p.n
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
