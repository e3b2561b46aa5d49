package web_test

import (
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scrapelog/handlers/live"
	"scrapelog/handlers/web/webtest"
)

// The page's clock stands still but for what a test adds to it, so that no slow
// machine adds to it too. It ticks: how often the page could have looked at it.
const clock = `window.ticks = 0; window.now = Date.now(); Date.now = () => window.now; setInterval(() => window.ticks++, 1000);
	document.getElementById("live").addEventListener("beat", () => { window.heard = true })`

// A stream that is open and silent is noticed 15 s after the last word, which is
// three beats as the server promises them, and not before.
func TestASilentStreamIsNoticedInTime(t *testing.T) {
	tab, s := open(t, "/runs")
	do(t, tab, clock)
	s.Messages <- live.Message{Event: live.BeatEvent, Data: []byte("{}")}
	becomes(t, tab, `window.heard`)
	do(t, tab, `window.now += 14999; window.ticks = 0`)
	becomes(t, tab, `window.ticks > 1`)
	becomes(t, tab, `document.getElementById("live-lost").hidden`)
	do(t, tab, `window.now += 1`)
	becomes(t, tab, `!document.getElementById("live-lost").hidden`)
}

// A laptop that slept wakes up with a connection that the server no longer knows. The
// page says at once how old it is, and opens another.
func TestALaptopThatSlept(t *testing.T) {
	s := webtest.New()
	h := hub(t, s, nil)
	server := httptest.NewUnstartedServer(webtest.Echo(s.Handler(h, nil)))
	server.Config.SetKeepAlivesEnabled(false) // the stream alone is open when the road forgets
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(h.Close)
	road := newRoad(t, server.Listener.Addr().String())
	tab := newTab(t, 3*time.Minute)
	if err := chromedp.Do(tab, chromedp.Navigate("http://"+road.address+"/runs")); err != nil {
		t.Fatal(err)
	}
	do(t, tab, clock)
	becomes(t, tab, `window.heard`)
	road.forget()
	do(t, tab, `window.heard = false; window.shown = false;
		new MutationObserver(() => { window.shown ||= !document.getElementById("live-lost").hidden }).observe(document.getElementById("live-lost"), {attributes: true});
		window.now += 3600e3`)
	becomes(t, tab, `window.shown`)
	do(t, tab, `const woken = window.now - performance.now(); Date.now = () => woken + performance.now()`)
	becomes(t, tab, `window.heard && document.getElementById("live-lost").hidden`)
}

// road leads to a server, and can forget the connections that it carries: they
// stay open, and nothing passes any more. New ones are carried.
type road struct {
	address string
	mu      sync.Mutex
	carried chan struct{}
}

func newRoad(t *testing.T, to string) *road {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	r := &road{address: listener.Addr().String(), carried: make(chan struct{})}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			go r.carry(near, to)
		}
	}()
	return r
}

func (r *road) carry(near net.Conn, to string) {
	far, err := net.Dial("tcp", to)
	if err != nil {
		_ = near.Close()
		return
	}
	r.mu.Lock()
	forgotten := r.carried
	r.mu.Unlock()
	go pass(far, near, forgotten)
	pass(near, far, forgotten)
}

// pass passes on what is read, and its end, unless the road has forgotten it.
func pass(to, from net.Conn, forgotten <-chan struct{}) {
	_, _ = io.Copy(&lane{to, forgotten}, from)
	select {
	case <-forgotten:
	default:
		_ = to.Close()
	}
}

type lane struct {
	net.Conn
	forgotten <-chan struct{}
}

func (l *lane) Write(b []byte) (int, error) {
	select {
	case <-l.forgotten:
		return len(b), nil
	default:
		return l.Conn.Write(b)
	}
}

func (r *road) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.carried)
	r.carried = make(chan struct{})
}
