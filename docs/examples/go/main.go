// A scraper for scrapelog in Go, with nothing but the standard library.
//
//	go run main.go 127.0.0.1:9090 http://shop.example/alder/ http://shop.example/birch/
//
// It counts the products on the pages it is given. If SCRAPER_SECRET is set, orders
// must be signed with it, or with one of two with a blank between. What a scraper
// must do, and why, is in "scrapelog help contract".
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pace is the time between two pages, so something is said as often.
const pace = time.Second

var errStopped = errors.New("the client has left, or the run was taken over")

// run is one scrape.
type run struct {
	id   string
	stop context.CancelFunc
	gone chan struct{} // closed when nothing of the run is left
}

// scraper runs one scrape at a time.
type scraper struct {
	pages   []string
	secrets [][]byte
	mu      sync.Mutex
	held    *run
	seen    map[string]time.Time // the webhook-ids of the last minutes, and until when they are kept
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: scraper HOST:PORT PAGE…")
	}
	s := &scraper{pages: os.Args[2:], seen: map[string]time.Time{}}
	for _, text := range strings.Fields(os.Getenv("SCRAPER_SECRET")) {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil {
			log.Fatal("SCRAPER_SECRET is not whsec_ and base64")
		}
		s.secrets = append(s.secrets, secret)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], s))
}

// refuses says why an order is not taken, or nothing.
func (s *scraper) refuses(h http.Header, body []byte) string {
	if len(s.secrets) == 0 {
		return ""
	}
	id, at, fits := h.Get("webhook-id"), h.Get("webhook-timestamp"), false
	for _, secret := range s.secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, given := range strings.Fields(h.Get("webhook-signature")) {
			fits = fits || hmac.Equal([]byte(given), []byte(want))
		}
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if !fits || err != nil || strings.Contains(id, ".") {
		return "no signature, or one with another secret"
	}
	now := time.Now()
	if now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "signed more than five minutes from now"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, until := range s.seen {
		if until.Before(now) {
			delete(s.seen, old)
		}
	}
	if _, again := s.seen[id]; again {
		return "this order has come before"
	}
	s.seen[id] = now.Add(10 * time.Minute)
	return ""
}

func (s *scraper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Cache-Control", "no-store") // a cache must not answer for it
		return                                      // HEAD asks whether the scraper is there
	}
	var order struct {
		RunID    string `json:"run_id"`
		Recovers string `json:"recovers"`
	}
	body, err := io.ReadAll(r.Body) // all of it: r.Context ends with the client only then
	if why := s.refuses(r.Header, body); why != "" {
		http.Error(w, why, http.StatusUnauthorized)
		return
	}
	if err != nil || json.Unmarshal(body, &order) != nil {
		http.Error(w, "not an order", http.StatusBadRequest)
		return
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	this := &run{id: order.RunID, stop: stop, gone: make(chan struct{})}
	before, ok := s.take(this, order.Recovers)
	if !ok {
		http.Error(w, "a scrape runs", http.StatusConflict)
		return
	}
	err = s.follow(ctx, w, before)
	s.release(this)
	if err != nil {
		panic(http.ErrAbortHandler) // the stream is cut: it did not come to its end
	}
}

// take makes this the run that scrapes, unless another scrapes that it does not
// recover. It returns the one it took over from.
func (s *scraper) take(this *run, recovers string) (before *run, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.held
	if before != nil {
		if before.id != recovers {
			return nil, false
		}
		before.stop()
	}
	s.held = this
	return before, true
}

func (s *scraper) release(this *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == this {
		s.held = nil
	}
	close(this.gone)
}

// follow says how the scrape goes and how it ends.
func (s *scraper) follow(ctx context.Context, w http.ResponseWriter, before *run) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.Header().Set("X-Scrape-Beat", "5s")
	flush := http.NewResponseController(w)
	if err := flush.Flush(); err != nil {
		return err
	}
	if before != nil {
		<-before.gone
	}
	send := func(event string, data any) error {
		text, err := json.Marshal(data)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text); err != nil {
			return errStopped
		}
		if flush.Flush() != nil {
			return errStopped
		}
		return nil
	}
	items, err := s.scrape(ctx, send)
	switch {
	case ctx.Err() != nil, errors.Is(err, errStopped):
		return errStopped
	case err != nil:
		return send("failed", map[string]string{"error": err.Error()})
	}
	return send("completed", map[string]int{"items": items})
}

// scrape is your scraping. It ends when ctx does, and says something often.
func (s *scraper) scrape(ctx context.Context, send func(event string, data any) error) (items int, err error) {
	for i, page := range s.pages {
		select {
		case <-ctx.Done():
			return 0, errStopped
		case <-time.After(pace):
		}
		html, err := get(ctx, page)
		if err != nil {
			return 0, err
		}
		items += strings.Count(html, `<li class="product"`)
		if err := send("progress", map[string]int{"page": i + 1, "items": items}); err != nil {
			return 0, err
		}
	}
	return items, nil
}

func get(ctx context.Context, page string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s", page, response.Status)
	}
	html, err := io.ReadAll(response.Body)
	return string(html), err
}
