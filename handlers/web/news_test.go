package web_test

import (
	"strconv"
	"testing"

	"scrapelog/domain"
	"scrapelog/handlers/web/webtest"
	"scrapelog/projections"
)

// New rows wait while a person reads, and the title of the tab follows the losses.
func TestNewRowsWaitWhileSomebodyReads(t *testing.T) {
	ctx, s := open(t, "/events?stream=scraper-news")
	head := int64(webtest.Head)
	add := func(scraper string) {
		t.Helper()
		head++
		s.Change(func() {
			s.Recorded = append(s.Recorded, webtest.Record(head, 9, domain.ScraperResumed{AboutScraper: domain.AboutScraper{Scraper: scraper, At: webtest.Now}}))
		})
		push(t, s, projections.Changes{Counts: projections.Counts{}, Losses: projections.Losses{Lost: head - webtest.Head, Outages: 2}, Position: head})
	}
	const rows, button = `document.querySelectorAll("main tbody tr:not(.drawer)").length`, `document.getElementById("news")`
	becomes(t, ctx, `(window.rows = `+rows+`) > 0 && document.title === "1 lost · Log · scrapelog"`)
	do(t, ctx, `document.querySelector("tbody th a").click()`)
	becomes(t, ctx, `document.querySelectorAll(".drawer pre").length === 2 && location.search.includes("open=")`)
	add("news")
	becomes(t, ctx, `!`+button+`.hidden && `+button+`.textContent === "1 new"`)
	add("weather") // which the filter leaves out
	add("news")
	becomes(t, ctx, button+`.textContent === "2 new" && `+rows+` === window.rows`)
	becomes(t, ctx, `document.title === "3 lost · Log · scrapelog" && document.getElementById("icon").href.includes("favicon-lost.svg")`)
	becomes(t, ctx, `document.querySelector(".rail .count").textContent.trim() === "2 open"`)
	do(t, ctx, button+`.click()`)
	becomes(t, ctx, `document.querySelector("tbody th").textContent === "`+strconv.FormatInt(head, 10)+`" && `+rows+` === window.rows + 2 && `+button+`.hidden`)

	add("news")
	becomes(t, ctx, `!`+button+`.hidden`)
	do(t, ctx, `document.querySelector("tbody [aria-expanded=true]").click()`) // and comes with the page that has none open
	becomes(t, ctx, rows+` === window.rows + 3 && `+button+`.hidden`)
	push(t, s, projections.Changes{Counts: projections.Counts{}, Position: head})
	const well = `document.title === "Log · scrapelog" && !document.getElementById("icon").href.includes("lost")`
	becomes(t, ctx, well)
	// A page that is swapped in was fetched while a scraper was lost, and says so in its title.
	do(t, ctx, `document.querySelector("tbody th a").click()`)
	becomes(t, ctx, `document.querySelector(".drawer pre") && `+well)
}
