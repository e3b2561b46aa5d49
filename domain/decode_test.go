package domain_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"scrapelog/domain"
)

// FuzzEventIsReadAsByTheStandardLibrary: encoding/json writes events, and has read those of
// older versions.
func FuzzEventIsReadAsByTheStandardLibrary(f *testing.F) {
	types := map[string]reflect.Type{}
	for _, e := range frozen() {
		types[e.EventType()] = reflect.TypeOf(e)
		data, err := domain.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.EventType(), []byte(data))
		for _, more := range []string{
			`"SCRAPER":"other"`, `"scraper":"other"`, `"scraper":null`, `"scraper":1`, `"scraper":"\ud800"`, "\"scraper\":\"\xff\"", `"at":null`, `"at":""`,
			`"at":"2026-01-01T00:00:00.123456789+02:00"`, `"at":"2026-01-01t00:00:00Z"`, `"at":"2026-01-01T00:00:00,5Z"`, `"run_id":null`, `"run_id":"{00000001-0000-7000-8000-000000000001}"`,
			`"run_id":5`, `"unknown":{"a":[1,2]}`, `"items":null`, `"items":1.0`, `"items":1e2`, `"items":9223372036854775808`, `"items":-0`, `"duration_ms":"5"`,
			`"params":null`, `"params": {"a": 1.50} `, `"received":null`, `"received":{"EVENTS":3,"events":4}`, `"received":[]`, `"config":null`, `"config":{}`,
			`"config":{"platforms":null,"params":{"a":null},"headers_env":{"A":"b","A":"c"}}`, `"config":{"probe":{"url":5}}`, `"config":{"Schedule":"@hourly"}`,
		} {
			f.Add(e.EventType(), []byte(string(data[:len(data)-1])+","+more+"}"))
		}
	}
	for _, whole := range []string{``, `null`, `[]`, `{}`, ` {} `, `{}x`, `{"at"}`} {
		f.Add("run.started", []byte(whole))
	}
	f.Fuzz(func(t *testing.T, eventType string, data []byte) {
		of, known := types[eventType]
		if !known {
			t.Skip()
		}
		want := reflect.New(of)
		wantErr := json.Unmarshal(data, want.Interface())
		got, err := domain.Decode(eventType, data)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%s %q: %v, want %v", eventType, data, err, wantErr)
		}
		if err == nil && !reflect.DeepEqual(got, want.Elem().Interface()) {
			t.Errorf("%s %q: got %+v, want %+v", eventType, data, got, want.Elem())
		}
	})
}
