package eventstore

import (
	"encoding/json"
	"maps"
	"testing"
)

func FuzzMetadataIsReadAsByTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":"b"}`, `{"a":"b","c":""}`, `{"":"é"}`, `{"a":"b","a":"c"}`, `{"a":"\u00e9\n"}`, ` {"a" : "b"} `,
		``, `{`, `{"a"}`, `{"a":1}`, `{"a":"b",}`, `{"a":"b"}}`, `{"a":"b"`, `{"a":"b" }`, `null`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{"a":"b""c":"d"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want Metadata
		wantErr := json.Unmarshal(data, &want)
		got, err := decodeMetadata(data)
		if (err != nil) != (wantErr != nil) || err == nil && !maps.Equal(got, want) {
			t.Errorf("%q: got %v, %v, want %v, %v", data, got, err, want, wantErr)
		}
	})
}
