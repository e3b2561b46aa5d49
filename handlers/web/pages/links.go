package pages

import (
	"net/url"
	"strconv"

	"github.com/a-h/templ"
	"github.com/google/uuid"

	"scrapelog/domain"
)

func runURL(id uuid.UUID) templ.SafeURL { return templ.SafeURL("/runs/" + id.String()) }

func outageURL(id uuid.UUID) templ.SafeURL { return templ.SafeURL("/outages/" + id.String()) }

// URL is a page of the list under one of its tabs.
func (l OutageList) URL(open, cursor string) templ.SafeURL {
	return templ.SafeURL("/outages" + query("open", open, "since", l.Since, "until", l.Until, "cursor", cursor))
}

func scraperURL(name string) templ.SafeURL {
	return templ.SafeURL("/scrapers/" + url.PathEscape(name))
}

func pauseURL(name string) templ.SafeURL { return scraperURL(name) + "/pause" }

func scrapersURL(words, from string) templ.SafeURL {
	return templ.SafeURL("/scrapers" + query("q", words, "from", from))
}

func streamURL(name string) templ.SafeURL { return templ.SafeURL("/streams/" + url.PathEscape(name)) }

func eventURL(position int64) templ.SafeURL {
	return templ.SafeURL("/events/" + strconv.FormatInt(position, 10))
}

// anchor is the name of an event within a page.
func anchor(e Event) string { return "e-" + strconv.FormatInt(e.Position, 10) }

func (p RunPage) stream() string { return domain.RunStream(p.ID) }

// stepURL is the run as it stood after the n-th of its events; 0: as it stands now.
func stepURL(run uuid.UUID, step int) templ.SafeURL {
	if step == 0 {
		return runURL(run)
	}
	return runURL(run) + templ.SafeURL(query("step", strconv.Itoa(step)))
}

// chosenURL is the page with another of its events told in detail.
func (p RunPage) chosenURL(e Event) templ.SafeURL {
	step := ""
	if p.AsOf != nil {
		step = strconv.Itoa(p.AsOf.Step)
	}
	return runURL(p.ID) + templ.SafeURL(query("step", step, "event", strconv.FormatInt(e.Position, 10)))
}

// swapped lets a link or a form change the page in place, where there is a script. The
// link leads to the same page without one.
func swapped(url templ.SafeURL) templ.Attributes {
	return templ.Attributes{
		"hx-get": string(url), "hx-target": "#main", "hx-select": "#main", "hx-swap": "outerMorph", "hx-replace-url": "true",
	}
}

func rebuildURL(name string) templ.SafeURL {
	return templ.SafeURL("/projections/" + url.PathEscape(name) + "/rebuild")
}

// refreshing lets a part of the page be fetched again by itself. The morph keeps
// focus, what was typed and what was opened.
func refreshing(c Chrome) templ.Attributes {
	if c.Refresh == "" {
		return nil
	}
	attributes := templ.Attributes{
		"hx-get": c.URL, "hx-trigger": c.Refresh, "hx-select": "#main", "hx-swap": "outerMorph",
	}
	if c.Refresh == RefreshRows {
		attributes["data-rows"] = true
	}
	return attributes
}

// cell names a part of a page that live updates replace wherever it stands.
// Pushed, it says so itself; a page that has no such part passes over it.
func cell(name string, pushed bool) templ.Attributes {
	attributes := templ.Attributes{"data-cell": name}
	if pushed {
		attributes["hx-swap-oob"] = `outerMorph:[data-cell="` + name + `"]`
	}
	return attributes
}

// pageURL is a page of the log under the list's filter.
func (l EventList) pageURL(pairs ...string) templ.SafeURL {
	f := l.Filter
	for _, t := range f.Types {
		pairs = append(pairs, "type", t)
	}
	pairs = append(pairs, "stream", f.Stream, "run", f.Run, "since", f.Since, "until", f.Until, "text", f.Text)
	return templ.SafeURL("/events" + query(pairs...))
}

// narrowed reports whether the filter leaves anything out.
func (f EventFilter) narrowed() bool {
	return len(f.Types) > 0 || f.Stream != "" || f.Run != "" || f.Since != "" || f.Until != "" || f.Text != ""
}

func (f EventFilter) has(eventType string) bool {
	for _, t := range f.Types {
		if t == eventType {
			return true
		}
	}
	return false
}

// query writes the pairs that have a value.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Add(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

// goKey names the key that leads to an entry of the menu, after g.
func goKey(key string) templ.Attributes {
	if key == "" {
		return nil
	}
	return templ.Attributes{"data-go": key}
}

// current marks the entry of the menu that the page belongs to.
func current(is bool) templ.Attributes {
	if !is {
		return nil
	}
	return templ.Attributes{"aria-current": "page"}
}

func chosenRange(is bool) templ.Attributes {
	if !is {
		return nil
	}
	return templ.Attributes{"aria-current": "true"}
}

// ariaBool marks the chosen one of several.
func ariaBool(is bool) string { return strconv.FormatBool(is) }

func sessionURL(id string) templ.SafeURL {
	return templ.SafeURL("/account/sessions/" + url.PathEscape(id) + "/end")
}

func tokenURL(id string) templ.SafeURL {
	return templ.SafeURL("/account/tokens/" + url.PathEscape(id) + "/revoke")
}

// personURL is a page or a form about a user.
func personURL(id uuid.UUID, what string) templ.SafeURL {
	return templ.SafeURL("/people/" + id.String() + "/" + what)
}
