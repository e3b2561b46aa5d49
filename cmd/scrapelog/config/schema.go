package config

import (
	"encoding/json"
	"reflect"

	"scrapelog/domain"
)

// Schema returns a JSON Schema of the configuration file of serve, for editors. It knows
// keys and types; "scrapelog config check" knows the rest.
func Schema() ([]byte, error) {
	schema := schemaOf(reflect.TypeFor[Config]())
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Configuration of scrapelog serve"
	return json.MarshalIndent(schema, "", "  ")
}

// durations match what time.ParseDuration takes.
const durations = `^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`

var words = map[reflect.Type][]any{
	reflect.TypeFor[domain.CatchUp](): {string(domain.CatchUpNone), string(domain.CatchUpOne)},
}

// schemaOf is the counterpart of [document.check].
func schemaOf(t reflect.Type) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[domain.Duration]():
		return map[string]any{"type": "string", "pattern": durations}
	case words[t] != nil:
		return map[string]any{"enum": words[t]}
	case reflect.PointerTo(t).Implements(textType):
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	}
	switch t.Kind() {
	case reflect.Struct:
		properties := map[string]any{}
		for _, field := range reflect.VisibleFields(t) {
			if key := yamlKey(field); key != "" {
				properties[key] = nullable(schemaOf(field.Type))
			}
		}
		return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.String:
		return map[string]any{"type": []string{"string", "number", "boolean"}} // 010 and yes stay as they are written
	}
	return map[string]any{}
}

// nullable lets a key stand without a value, which is its default.
func nullable(schema map[string]any) map[string]any {
	switch types := schema["type"].(type) {
	case string:
		schema["type"] = []string{types, "null"}
	case []string:
		schema["type"] = append(types, "null")
	}
	return schema
}
