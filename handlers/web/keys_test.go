package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"scrapelog/handlers/web/webtest"
	"scrapelog/handlers/web/webtest/browser"
	"scrapelog/projections"
)

func press(t *testing.T, ctx context.Context, keys string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		t.Fatal(err)
	}
}

// focused is the number of the row that has focus, or the name of the field that has it.
const focused = `String(document.activeElement.name || 1 + Array.from(document.querySelectorAll("main tbody th a")).indexOf(document.activeElement))`

func TestKeys(t *testing.T) {
	ctx, _ := open(t, "/runs")
	for _, step := range []struct{ keys, row string }{{"j", "1"}, {"jj", "3"}, {"k", "2"}, {"kkkk", "1"}} {
		press(t, ctx, step.keys)
		becomes(t, ctx, focused+` === "`+step.row+`"`)
	}
	press(t, ctx, "/")
	becomes(t, ctx, focused+` === "q"`)
	do(t, ctx, `document.activeElement.blur()`)
	press(t, ctx, "?")
	becomes(t, ctx, `document.getElementById("keys-dialog").open`)
	press(t, ctx, kb.Escape)
	becomes(t, ctx, `!document.getElementById("keys-dialog").open && document.activeElement === document.body`)
	do(t, ctx, `requestAnimationFrame(() => requestAnimationFrame(() => { window.left = true }))`)
	becomes(t, ctx, `window.left === true`) // the dialog has left the screen
	press(t, ctx, "j")
	becomes(t, ctx, focused+` === "1"`)
	press(t, ctx, kb.Enter)
	becomes(t, ctx, `location.pathname === "/runs/`+webtest.Open.String()+`"`)
}

func TestKeysCanBeSwitchedOff(t *testing.T) {
	ctx, _ := open(t, "/runs")
	press(t, ctx, "?")
	becomes(t, ctx, `document.getElementById("keys-dialog").open`)
	do(t, ctx, `document.querySelector("#keys-dialog input").click(); document.getElementById("keys-dialog").close()`)
	press(t, ctx, "jj")
	becomes(t, ctx, `document.activeElement.closest("tr") === null`)
	becomes(t, ctx, `localStorage.getItem("scrapelog.keys-off") === "1"`)
}

// What is typed into a field is typed, and does nothing else.
func TestKeysLeaveFieldsAlone(t *testing.T) {
	ctx, _ := open(t, "/events")
	do(t, ctx, `document.querySelector("[data-search]").focus()`)
	press(t, ctx, "j?k/")
	becomes(t, ctx, `document.activeElement.value === "j?k/"`)
	becomes(t, ctx, `!document.getElementById("keys-dialog").open`)
}

// On a small screen a filter that leaves nothing out is folded away, and the key
// for it opens it.
func TestTheFilterOfASmallScreen(t *testing.T) {
	ctx, _ := open(t, "/events?text=reset")
	if err := chromedp.Do(ctx, browser.View{Width: 320, Still: true}.Set()); err != nil {
		t.Fatal(err)
	}
	becomes(t, ctx, `document.querySelector("details.filters").open`)
	do(t, ctx, `location.href = "/events"`)
	becomes(t, ctx, `location.search === "" && document.readyState === "complete" && !document.querySelector("details.filters").open`)
	press(t, ctx, "/")
	becomes(t, ctx, focused+` === "text" && document.querySelector("details.filters").open`)
}

func TestTimesAreRelativeUTCOrLocal(t *testing.T) {
	ctx, s := open(t, "/events")
	const first = `document.querySelector("tbody time")`
	next := func(end string) {
		t.Helper()
		do(t, ctx, `document.getElementById("zone").click()`)
		becomes(t, ctx, first+`.textContent.endsWith("`+end+`")`)
	}
	becomes(t, ctx, first+`.textContent.endsWith(" ago") && `+first+`.title.endsWith(" UTC")`)
	next(" UTC")
	next(" GMT+5:30")
	push(t, s, projections.Changes{State: true, Counts: projections.Counts{}, Position: webtest.Head + 1})
	do(t, ctx, `location.href = "/runs"`)
	becomes(t, ctx, `location.pathname === "/runs" && `+first+`.textContent.endsWith(" GMT+5:30")`)
	next(" ago")
}

func TestTheThemeIsKept(t *testing.T) {
	ctx, _ := open(t, "/events")
	ground := func(colour string) {
		t.Helper()
		becomes(t, ctx, `getComputedStyle(document.documentElement).backgroundColor === "`+colour+`"`)
	}
	const light, dark = "rgb(251, 251, 250)", "rgb(14, 16, 19)"
	ground(light)
	do(t, ctx, `document.getElementById("theme").click()`)
	ground(light)
	do(t, ctx, `document.getElementById("theme").click()`)
	ground(dark)
	do(t, ctx, `location.href = "/runs"`)
	becomes(t, ctx, `location.pathname === "/runs"`)
	ground(dark)
	do(t, ctx, `document.getElementById("theme").click()`)
	ground(light)
}

func TestNewEventsAreCountedAwayFromTheNewestEnd(t *testing.T) {
	ctx, s := open(t, "/events?upto=20")
	const link = `document.querySelector("[data-news]")`
	becomes(t, ctx, link+`.hidden`)
	push(t, s, projections.Changes{Counts: projections.Counts{}, Position: webtest.Head + 1})
	becomes(t, ctx, `!`+link+`.hidden && `+link+`.textContent === "1 new event"`)
	push(t, s, projections.Changes{Counts: projections.Counts{}, Position: webtest.Head + 3})
	becomes(t, ctx, link+`.textContent === "3 new events" && document.querySelector("tbody th").textContent === "20"`)
}
