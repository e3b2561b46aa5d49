package pages

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/a-h/templ"

	"scrapelog/domain"
)

// How much of a value's JSON a page shows. What is longer is cut, with a link to all
// of it: logs of older programs hold values of any size and depth.
const (
	payloadShown = 4 << 10 // of the event that a page is about
	listShown    = 4 << 10 // of a text, and of a value of which there are few
	settingShown = 1 << 10 // of one setting of a scraper
)

// payload is a value as JSON that people can read, or the beginning of it.
type payload struct {
	text  string
	whole templ.SafeURL // where all of it is; empty: here
}

// payloadOf shows at most so many bytes of a value.
func payloadOf(value any, most int, whole templ.SafeURL) payload {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // templ escapes what is shown
	if err := encoder.Encode(value); err != nil {
		return payload{text: clean(err.Error())}
	}
	text := bytes.TrimSpace(b.Bytes())
	// Indentation of what is deep is longer than the value by its depth, so it is done
	// only to what will be shown nearly whole.
	if len(text) <= most && domain.JSONDepth(text) <= 2*domain.MaxDepth {
		var indented bytes.Buffer
		if json.Indent(&indented, text, "", "  ") == nil {
			text = indented.Bytes()
		}
	}
	if shown := cut(string(text), most); len(shown) < len(text) {
		return payload{text: clean(shown) + " …", whole: whole}
	}
	return payload{text: clean(string(text))}
}

// cut is the beginning of a text, in whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.TrimSpace(domain.Cut(text, most))
}

// brief is a text of at most so many bytes, which says that it was cut.
func brief(text string, most int) string {
	if short := cut(text, most); len(short) < len(text) {
		return short + " …"
	}
	return text
}

func eventJSONURL(e Event) templ.SafeURL { return "/api/v1" + eventURL(e.Position) }
