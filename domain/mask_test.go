package domain

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMaskEvent(t *testing.T) {
	const canary, mask = "CANARY", `{"***":"***"}`
	tests := map[string]struct{ data, want string }{
		"a configuration": {
			`{"scraper":"shop", "config":{"url":"http://a/","params":{"CANARY":["CANARY"]},"headers_env":{"X-CANARY":"CANARY"},"jitter":"0s"},"at":"now"}`,
			`{"scraper":"shop", "config":{"url":"http://a/","params":` + mask + `,"headers_env":` + mask + `,"jitter":"0s"},"at":"now"}`,
		},
		"a start":                         {`{"params": {"a":{"params":"CANARY"}} ,"by":"x"}`, `{"params": ` + mask + ` ,"by":"x"}`},
		"an escaped key":                  {`{"par\u0061ms":{"a":"CANARY"}}`, `{"par\u0061ms":` + mask + `}`},
		"a key that comes twice":          {`{"params":{"a":"CANARY"},"params":{"b":"CANARY"}}`, `{"params":` + mask + `,"params":` + mask + `}`},
		"nothing to mask":                 {`{"params":{},"config":{"headers_env":null}}`, `{"params":{},"config":{"headers_env":null}}`},
		"the words in other places":       {`{"reason":"\"params\":{}","detail":"params"}`, `{"reason":"\"params\":{}","detail":"params"}`},
		"what is no object":               {`["params","CANARY"]`, mask},
		"a configuration that is no JSON": {`{"config":"CANARY\"params\"","params":1`, mask},
	}
	for name, tt := range tests {
		got := string(MaskEvent(json.RawMessage(tt.data)))
		if got != tt.want || strings.Contains(got, canary) {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestMaskedConfiguration(t *testing.T) {
	config := ScraperConfig{Name: "shop", Params: map[string]any{"CANARY": "CANARY"}, HeadersEnv: map[string]string{"X-CANARY": "CANARY"}}
	text, err := json.Marshal(config.Masked())
	if err != nil || strings.Contains(string(text), "CANARY") || !strings.Contains(string(text), `"params":{"***":"***"},"headers_env":{"***":"***"}`) {
		t.Errorf("%s %v", text, err)
	}
	if config.Params["CANARY"] != "CANARY" {
		t.Error("the configuration itself was changed")
	}
	if empty := (ScraperConfig{}).Masked(); empty.Params != nil || empty.HeadersEnv != nil {
		t.Errorf("an empty one became %v", empty)
	}
}
