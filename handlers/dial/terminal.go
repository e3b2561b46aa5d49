package dial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"scrapelog/domain"
)

// Terminal is the content of a terminal event.
type Terminal struct {
	Completed bool
	Items     int64
	Note      string // the scraper's own words beside the number of items
	Reason    string // the scraper's own words for why it failed
	Broken    string // why the event breaks the contract; empty: it does not
}

// ParseTerminal reads the data of a terminal event. It returns false if the event's
// name is not that of a terminal event.
//
// The data must be a JSON object. "completed" without items means 0 items, because a
// scraper may have nothing to count; "failed" without an error has no reason.
func ParseTerminal(name, data string) (last Terminal, is bool) {
	switch name {
	case "completed":
		return parseCompleted(data), true
	case "failed":
		return parseFailed(data), true
	}
	return Terminal{}, false
}

func parseCompleted(data string) Terminal {
	fields, ok := object(data)
	if !ok {
		return breachOf(`the data of "completed" is not {"items":N}`, data)
	}
	t := Terminal{Completed: true, Note: plain(fields["note"])}
	if items := fields["items"]; !isNull(items) {
		var err error
		if t.Items, err = domain.ParseItems(items); err != nil {
			return breachOf(fmt.Sprintf(`the data of "completed" is not {"items":N}: items is %s`, whatIsWrong(err)), data)
		}
	}
	return t
}

func parseFailed(data string) Terminal {
	fields, ok := object(data)
	if !ok {
		return breachOf(`the data of "failed" is not {"error":…}`, data)
	}
	reason := plain(fields["error"])
	if reason == "" {
		reason = textOf(fields)
	}
	return Terminal{Reason: reason}
}

// breachOf returns a terminal event that breaks the contract. It keeps the data, which
// may contain the scraper's reason.
func breachOf(problem, data string) Terminal {
	if data == "" {
		return Terminal{Broken: problem + ": it has no data"}
	}
	return Terminal{Broken: problem + "; it said: " + data}
}

func whatIsWrong(err error) string {
	return strings.TrimPrefix(err.Error(), domain.ErrInvalid.Error()+": ")
}

// object decodes the keys of a JSON object in their exact spelling: decoding into
// a struct would take "Items" for "items".
func object(data string) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal([]byte(data), &fields)
	return fields, err == nil && fields != nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// plain returns a JSON value as text for people: the content of a string, the message
// of an object that has one, "" for null, compact JSON for anything else.
func plain(raw json.RawMessage) string {
	if isNull(raw) {
		return ""
	}
	if text, is := stringOf(raw); is {
		return text
	}
	if fields, is := object(string(raw)); is {
		if text := textOf(fields); text != "" {
			return text
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// textOf returns the message of an object that describes an error, or "".
func textOf(fields map[string]json.RawMessage) string {
	for _, key := range []string{"message", "error", "detail"} {
		if text, is := stringOf(fields[key]); is && text != "" {
			return text
		}
	}
	return ""
}

func stringOf(raw json.RawMessage) (text string, is bool) {
	is = len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil
	return text, is
}
