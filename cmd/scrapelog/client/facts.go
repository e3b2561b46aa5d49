package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/docs"
)

// showFields prints an answer: its fields in its order, and what else is known of it.
func showFields[T any](out *term.Printer, answer fetched[T], more ...[2]string) error {
	facts, err := factsOf(answer.raw)
	if err != nil {
		return err
	}
	return out.Facts(answer, append(facts, more...)...)
}

// factsOf lists the fields of an answer in its order, as tables show them: started_at
// as "started", in UTC, and duration_ms as "duration". So a field is shown that only a
// newer server has.
func factsOf(object json.RawMessage) (facts [][2]string, err error) {
	fields := json.NewDecoder(bytes.NewReader(object))
	fields.UseNumber()
	if _, err := fields.Token(); err != nil {
		return nil, err
	}
	for fields.More() {
		name, err := fields.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if err := fields.Decode(&value); err != nil {
			return nil, err
		}
		facts = append(facts, fact(fmt.Sprint(name), value))
	}
	return facts, nil
}

func fact(name string, value any) [2]string {
	text := fmt.Sprint(value)
	if start, ok := strings.CutSuffix(name, "_at"); ok {
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			name, text = start, term.Stamp(at)
		}
	}
	if start, ok := strings.CutSuffix(name, "_ms"); ok {
		if took, err := time.ParseDuration(text + "ms"); err == nil {
			name, text = start, took.String()
		}
	}
	if list, ok := value.([]any); ok {
		names := make([]string, len(list))
		for i, item := range list {
			names[i] = fmt.Sprint(item)
		}
		text = strings.Join(names, ", ")
	}
	return [2]string{strings.ReplaceAll(name, "_", " "), text}
}

// explained names the command that explains a cause or a failure code, if there is one.
func explained(cause string) [][2]string {
	if _, ok := docs.Get("causes/" + cause); !ok {
		return nil
	}
	return [][2]string{{"explained by", "scrapelog help cause " + cause}}
}
