package dial

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"scrapelog/domain"
	"scrapelog/handlers/egress"
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
	for _, addresses := range egresstest.Forbidden {
		for _, addr := range addresses {
			host := url.PathEscape(addr) // a zone's percent sign
			if strings.Contains(addr, ":") {
				host = "[" + host + "]"
			}
			for _, scheme := range []string{"http", "https"} {
				for name, dialler := range diallers {
					refused(t, name, dialler(t.Context(), config(scheme+"://"+host+"/scrapes/shop")))
				}
			}
		}
	}
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	var denied *egress.DeniedError
	if !errors.As(err, &denied) || !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("%s: %v; want a refusal", what, err)
	}
}

// The address that is connected to decides, at each attempt, not the name.
func TestNamesAreJudgedByTheirAddresses(t *testing.T) {
	peer := newScraperPort(t)
	closed := closedPort(t)
	at := func(name string, port string) Target { return config("http://" + name + ":" + port + "/scrapes/shop") }
	resolver(t, map[string][][]string{
		"metadata.test.": {{"169.254.169.254"}},
		"mapped.test.":   {{"::ffff:169.254.169.254"}},
		"nat64.test.":    {{"64:ff9b::169.254.169.254"}},
		"rebinds.test.":  {{"127.0.0.1"}, {"169.254.169.254"}},
		"both.test.":     {{"169.254.169.254", "127.0.0.1"}},
		"neither.test.":  {{"127.0.0.1", "169.254.169.254"}},
		"private.test.":  {{"127.0.0.1"}},
		"0xa9fea9fe.":    {{"169.254.169.254"}},
	})
	for name, dialler := range diallers {
		for _, host := range []string{"metadata.test", "mapped.test", "nat64.test", "0xa9fea9fe"} {
			refused(t, name+" to "+host, dialler(t.Context(), at(host, peer.port)))
		}
		refused(t, name+" to two that do not answer", dialler(t.Context(), at("neither.test", closed)))
		public := at("private.test", peer.port)
		public.Egress.PublicOnly = true
		refused(t, name+" to a private address", dialler(t.Context(), public))
		own := at("private.test", peer.port)
		own.Egress.Own = netip.MustParseAddrPort("127.0.0.1:" + peer.port)
		refused(t, name+" to our own listener", dialler(t.Context(), own))
		for _, number := range []string{"2852039166", "0251.0376.0251.0376", "169.16689662", "127.1", "0", "017700000001"} { // no name, for Go's resolver
			if err := dialler(t.Context(), at(number, peer.port)); err == nil {
				t.Errorf("%s has reached %s", name, number)
			}
		}
		if asked := peer.asked(); asked != 0 {
			t.Errorf("%s asked %d times where it may not", name, asked)
		}
		if err := dialler(t.Context(), at("both.test", peer.port)); err != nil || peer.asked() != 1 {
			t.Errorf("%s to a name with one address that is allowed: %v", name, err)
		}
	}
}

func TestANameThatResolvesDifferentlyTheSecondTime(t *testing.T) {
	for name, dialler := range diallers {
		peer := newScraperPort(t)
		resolver(t, map[string][][]string{"rebinds.test.": {{"127.0.0.1"}, {"169.254.169.254"}}})
		target := config("http://rebinds.test:" + peer.port + "/scrapes/shop")
		if err := dialler(t.Context(), target); err != nil || peer.asked() != 1 {
			t.Errorf("%s, the first time: %v", name, err)
		}
		refused(t, name+", the second time", dialler(t.Context(), target))
		if peer.asked() != 0 {
			t.Errorf("%s was asked the second time", name)
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

// resolver serves names on a port of this machine for as long as the test runs.
// Each question for the addresses of a name takes the next of its answers, and the
// last one again.
func resolver(t *testing.T, names map[string][][]string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; _ = conn.Close() })
	go serveNames(conn, names)
}

func serveNames(conn net.PacketConn, names map[string][][]string) {
	asked := map[dnsmessage.Question]int{}
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buffer[:n]) != nil {
			continue
		}
		m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
		question := m.Questions[0]
		answers, known := names[question.Name.String()]
		if !known {
			m.RCode = dnsmessage.RCodeNameError
		} else {
			m.Answers = addressesOf(question, answers[min(asked[question], len(answers)-1)])
			asked[question]++
		}
		if packed, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from)
		}
	}
}

func addressesOf(question dnsmessage.Question, texts []string) (answers []dnsmessage.Resource) {
	header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
	for _, text := range texts {
		addr := netip.MustParseAddr(text)
		switch {
		case addr.Is4() && question.Type == dnsmessage.TypeA:
			answers = append(answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && question.Type == dnsmessage.TypeAAAA:
			answers = append(answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return answers
}
