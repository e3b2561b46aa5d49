// Package shops is a small site to scrape: three shops with product lists over
// several pages, a page for each product, and a robots.txt that keeps crawlers
// out of the basket. It needs nothing from anywhere else.
//
// A list is at /{shop}/ and, from the second page on, at /{shop}/page/{n}. Each
// product is an li.product with a data-sku, an h2 > a to its own page, a .price and
// a .stock; a[rel=next] leads on.
package shops

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// Config is what can be set about the site.
type Config struct {
	Delay time.Duration // how long each list page of the slow shop, cedar, takes
}

// site answers requests. It never changes.
type site struct {
	delay time.Duration
	shops []shop
}

const robots = "User-agent: *\nDisallow: /basket\n"

// New makes the site.
func New(cfg Config) http.Handler {
	s := &site{delay: cfg.Delay, shops: stock()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", templ.Handler(streetPage(s.shops)).ServeHTTP)
	mux.HandleFunc("GET /robots.txt", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(robots)) })
	mux.HandleFunc("GET /basket", templ.Handler(basketPage()).ServeHTTP)
	mux.HandleFunc("GET /{shop}/{$}", s.list)
	mux.HandleFunc("GET /{shop}/page/{number}", s.list)
	mux.HandleFunc("GET /{shop}/product/{sku}", s.product)
	return mux
}

func (s *site) find(name string) (shop, bool) {
	i := slices.IndexFunc(s.shops, func(shop shop) bool { return shop.Name == name })
	if i < 0 {
		return shop{}, false
	}
	return s.shops[i], true
}

// list answers one page of a shop. Each has one address: the first goes without
// a number.
func (s *site) list(w http.ResponseWriter, r *http.Request) {
	shop, known := s.find(r.PathValue("shop"))
	number := 1
	if text := r.PathValue("number"); text != "" {
		number, _ = strconv.Atoi(text)
		known = known && number > 1
	}
	if !known || number > shop.Pages() {
		http.NotFound(w, r)
		return
	}
	if shop.Slow && !s.wait(r) {
		return
	}
	templ.Handler(listPage(shop.page(number))).ServeHTTP(w, r)
}

// wait is the slow shop's slowness. It says whether the client is still there.
func (s *site) wait(r *http.Request) bool {
	slow := time.NewTimer(s.delay)
	defer slow.Stop()
	select {
	case <-slow.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s *site) product(w http.ResponseWriter, r *http.Request) {
	shop, _ := s.find(r.PathValue("shop"))
	for _, p := range shop.Products {
		if p.SKU == r.PathValue("sku") {
			templ.Handler(productPage(p)).ServeHTTP(w, r)
			return
		}
	}
	http.NotFound(w, r)
}
