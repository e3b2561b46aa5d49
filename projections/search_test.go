package projections

import (
	"fmt"
	"strings"
	"testing"

	"scrapelog/domain"
)

func TestASearch(t *testing.T) {
	onEach(t, func(t *testing.T, log *testLog) {
		var events []domain.Event
		for i, name := range []string{"prices", "shop-prices", "prices-old", "news"} {
			config := domain.DefaultScraperConfig()
			config.Name, config.URL = name, "http://127.0.0.1:9/"+name
			events = append(events, domain.ScraperConfigured{AboutScraper: domain.AboutScraper{Scraper: name, At: at(float64(i))}, Source: domain.SourceAPI, Config: config})
		}
		events = append(events, domain.ScraperRemoved{AboutScraper: domain.AboutScraper{Scraper: "prices-old", At: at(5)}, By: "user:web"})
		for i, id := range alike {
			events = append(events, started(id, float64(10+2*i)), completed(id, float64(11+2*i), 1))
		}
		log.Given(events...)
		for text, want := range map[string]string{
			"pri": "prices shop-prices", " PRICES ": "prices shop-prices", "shop": "shop-prices", "rices": "prices shop-prices", "": "news prices shop-prices",
			"nope": "", "%": "", "aaaa3b": alike[1].String(), "c1e-7d3b": alike[1].String(), "111111": alike[2].String(), "12345": "", alike[0].String(): alike[0].String(),
			"0198c2f4": alike[0].String() + " " + alike[1].String(), "0198c2f4-0000-7000-8000-000000000000": "",
		} {
			found, err := log.Search(t.Context(), text, 4)
			var got []string
			for _, s := range found.Scrapers {
				got = append(got, s.Name)
			}
			for _, r := range found.Runs {
				got = append(got, r.ID.String())
			}
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%q finds %v, want %s (%v)", text, got, want, err)
			}
		}
		if found, err := log.Search(t.Context(), "", 2); err != nil || len(found.Scrapers) != 2 {
			t.Errorf("%v, %v", found, err)
		}
		log.walks("", fmt.Sprintf("SELECT name FROM scrapers WHERE %s ORDER BY name LIMIT %d", "name LIKE $1", 9), "%x%")
	})
}
