package config

import (
	"encoding/json"
	"reflect"
	"regexp"
	"testing"
)

// eachKey yields the path of every key that a configuration may have.
func eachKey(t reflect.Type, at string, yield func(at, key string)) {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		eachKey(t.Elem(), at, yield)
	case reflect.Struct:
		for _, field := range reflect.VisibleFields(t) {
			if key := yamlKey(field); key != "" {
				yield(at, key)
				eachKey(field.Type, below(at, key), yield)
			}
		}
	}
}

// TestTheExampleHasEveryKey and is right.
func TestTheExampleHasEveryKey(t *testing.T) {
	c, err := Parse("example.yaml", []byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	eachKey(reflect.TypeFor[Config](), "", func(at, key string) {
		if !regexp.MustCompile(`[\s{]`+key+`: `).MatchString(Example+" ") && !regexp.MustCompile(`\n`+key+`:\n`).MatchString(Example) && !regexp.MustCompile(` `+key+`:\n`).MatchString(Example) {
			t.Errorf("example.yaml lacks %s", below(at, key))
		}
	})
	c.Scrapers = nil
	want := Default()
	want.Limits.APIScrapers = 1000
	got, _, _ := c.Encode()
	defaults, _, _ := want.Encode()
	if string(got) != string(defaults) {
		t.Errorf("the values of example.yaml are not the defaults:\n%s\nwant\n%s", got, defaults)
	}
}

// TestTheSchemaHasEveryKey with its place.
func TestTheSchemaHasEveryKey(t *testing.T) {
	doc, err := Schema()
	var schema map[string]any
	if err == nil {
		err = json.Unmarshal(doc, &schema)
	}
	if err != nil || schema["additionalProperties"] != false {
		t.Fatal(err)
	}
	scraper := schema["properties"].(map[string]any)["scrapers"].(map[string]any)["items"].(map[string]any)
	for _, node := range []map[string]any{schema, scraper} {
		if node["additionalProperties"] != false {
			t.Error("an unknown key would pass")
		}
	}
	if got := scraper["properties"].(map[string]any)["catch_up"].(map[string]any)["enum"]; !reflect.DeepEqual(got, []any{"none", "one"}) {
		t.Errorf("catch_up: %v", got)
	}
	pattern := regexp.MustCompile(durations)
	for text, ok := range map[string]bool{"10s": true, "1h30m": true, "0": true, "1.5s": true, "10": false, "-1s": false, "x": false} {
		if pattern.MatchString(text) != ok {
			t.Errorf("%s: %v", text, !ok)
		}
	}
}
