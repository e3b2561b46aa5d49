package domain

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Mask stands in place of what is kept from roles that may only view.
const Mask = "***"

// maskedObject is what they see of params and headers that are not empty: neither names
// nor values.
const maskedObject = `{"` + Mask + `":"` + Mask + `"}`

// Masked returns the configuration as roles see it that may only view: without params and
// the names of headers.
func (c ScraperConfig) Masked() ScraperConfig {
	if len(c.Params) > 0 {
		c.Params = map[string]any{Mask: Mask}
	}
	if len(c.HeadersEnv) > 0 {
		c.HeadersEnv = map[string]string{Mask: Mask}
	}
	return c
}

// MaskParams returns the params of a run as those roles see them.
func MaskParams(params json.RawMessage) json.RawMessage {
	if len(params) == 0 || bytes.Equal(params, []byte("null")) || bytes.Equal(params, []byte("{}")) {
		return params
	}
	return json.RawMessage(maskedObject)
}

// MaskEvent returns the payload of an event as those roles see it. Payloads that hold
// nothing of the kind are returned as they are.
func MaskEvent(data json.RawMessage) json.RawMessage {
	if named := func(part string) bool { return bytes.Contains(data, []byte(part)) }; !named(`"params"`) && !named(`"headers_env"`) && !named(`\u`) {
		return data
	}
	masked, err := maskMembers(data)
	if err != nil {
		return json.RawMessage(maskedObject) // not an object: nothing of it is shown
	}
	return masked
}

// maskMembers masks the members of an object, and of its config, in their places.
func maskMembers(data []byte) (masked json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.Join(err, errNoObject)
	}
	copied := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		end := int(d.InputOffset())
		masked = append(masked, data[copied:end-len(value)]...)
		copied = end
		switch key {
		case "params", "headers_env":
			value = MaskParams(value)
		case "config":
			if value, err = maskMembers(value); err != nil {
				return nil, err
			}
		}
		masked = append(masked, value...)
	}
	_, err = d.Token() // the end, unless it was cut off
	return append(masked, data[copied:]...), err
}

var errNoObject = errors.New("not a JSON object")
