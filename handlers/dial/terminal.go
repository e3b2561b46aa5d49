package dial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"scrapelog/domain"
)

// Terminal is the scraper's last word.
type Terminal struct {
	Completed bool
	Items     int64
	Note      string // what it adds to "completed", in its own words
	Reason    string // why it failed, in its own words
	Broken    string // what is wrong with the event itself: a breach of the contract
}

// ParseTerminal reads the data of a terminal event by the event's name; any other
// name gives false.
//
// Data must be a JSON object. "completed" that says nothing about items
// completed with 0, for a scraper may have nothing to count; "failed" without an
// error gave no reason.
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

// breachOf is a terminal event that cannot be read, with what the scraper sent:
// its own reason may stand in it.
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

// plain is a JSON value as people read it: a string as it is; of an object its
// own text, if it has one; anything else as compact JSON. Null is nothing.
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

// textOf is the text of an object that describes an error.
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
