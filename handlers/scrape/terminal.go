package scrape

import (
	"encoding/json"

	"github.com/tmaxmax/go-sse"
)

// terminal is the scraper's last word.
type terminal struct {
	completed bool
	items     int64
	reason    string // why it failed, in the scraper's words
	unread    string // what is wrong with the event itself: a breach of the contract
}

// parseTerminal reads a terminal event; any other event gives false.
//
// Data must be a JSON object. "completed" that says nothing about items
// completed with 0, for a scraper may have nothing to count; "failed" without an
// error gave no reason. A value of another type is a breach.
func parseTerminal(e sse.Event) (terminal, bool) {
	switch e.Type {
	case "completed":
		return parseCompleted(e.Data), true
	case "failed":
		return parseFailed(e.Data), true
	}
	return terminal{}, false
}

func parseCompleted(data string) terminal {
	t := terminal{completed: true}
	if !field(data, "items", &t.items) || t.items < 0 {
		return terminal{unread: `the data of "completed" is not {"items":N}`}
	}
	return t
}

func parseFailed(data string) terminal {
	var t terminal
	if !field(data, "error", &t.reason) {
		return terminal{unread: `the data of "failed" is not {"error":"…"}`}
	}
	return t
}

// field decodes one key of an object, in its exact spelling: decoding into a
// struct would take "Items" for "items". A key that is missing or null leaves
// the value as it is.
func field(data, key string, value any) bool {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(data), &object); err != nil || object == nil {
		return false
	}
	raw, there := object[key]
	return !there || json.Unmarshal(raw, value) == nil
}
