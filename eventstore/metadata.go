package eventstore

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Metadata describes an event beside its payload: correlation_id,
// causation_id, actor, instance, traceparent.
type Metadata map[string]string

// decodeMetadata reads a flat object of strings. What Append writes has neither
// escapes nor spaces as a rule, and is read without encoding/json, which takes
// five times as long.
func decodeMetadata(data []byte) (m Metadata, err error) {
	if m, plain := plainMetadata(data); plain {
		return m, nil
	}
	err = json.Unmarshal(data, &m)
	return m, err
}

func plainMetadata(data []byte) (Metadata, bool) {
	rest, opens := bytes.CutPrefix(data, []byte(`{`))
	if !opens || bytes.IndexByte(data, '\\') >= 0 || !utf8.Valid(data) {
		return nil, false
	}
	m := make(Metadata, 8)
	if string(rest) == "}" {
		return m, true
	}
	for {
		key, after, isKey := plainString(rest)
		after, colon := bytes.CutPrefix(after, []byte(`:`))
		value, after, isValue := plainString(after)
		if !isKey || !colon || !isValue || len(after) == 0 {
			return nil, false
		}
		m[key] = value
		if string(after) == "}" {
			return m, true
		}
		if after[0] != ',' {
			return nil, false
		}
		rest = after[1:]
	}
}

// plainString cuts a string off the beginning of data, which has no escapes.
func plainString(data []byte) (s string, after []byte, ok bool) {
	if len(data) == 0 || data[0] != '"' {
		return "", nil, false
	}
	end := bytes.IndexByte(data[1:], '"')
	if end < 0 || bytes.ContainsFunc(data[1:1+end], func(r rune) bool { return r < ' ' }) {
		return "", nil, false
	}
	return string(data[1 : 1+end]), data[end+2:], true
}
