package domain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrapelog/domain"
)

// No shape has retired yet. These two stand in for the first that will: a loss
// was once one word and a number of bytes, then the word got its name.
func retireSpecimens(t *testing.T) {
	t.Helper()
	rename := func(from, to string) domain.Upcaster {
		return func(old []byte) ([]byte, error) {
			return edit(old, func(fields map[string]any) {
				fields[to] = fields[from]
				delete(fields, from)
			})
		}
	}
	t.Cleanup(domain.Retire("run.dropped", "run.dropped.v2", rename("why", "cause")))
	t.Cleanup(domain.Retire("run.dropped.v2", "run.connection_lost", func(old []byte) ([]byte, error) {
		return edit(old, func(fields map[string]any) {
			fields["link"], fields["received"] = domain.LinkScraper, map[string]any{"events": 0, "bytes": fields["bytes"]}
			delete(fields, "bytes")
		})
	}))
}

func edit(data []byte, change func(fields map[string]any)) ([]byte, error) {
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	change(fields)
	return json.Marshal(fields)
}

// retirement is a golden file of testdata/retired: an event as it was written,
// and the event that it is read as. It is written once, when a shape retires.
type retirement struct {
	Type   string          `json:"type"`
	Data   json.RawMessage `json:"data"`
	ReadAs struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	} `json:"read_as"`
}

func TestRetiredShapesAreUpcast(t *testing.T) {
	retireSpecimens(t)
	golden, err := filepath.Glob(filepath.Join("testdata", "retired", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, path := range golden {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want retirement
			if err := json.Unmarshal(file, &want); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, want.Type)
			if path := strings.TrimSuffix(filepath.Base(path), ".json"); path != want.Type {
				t.Errorf("the file is of %s", want.Type)
			}
			e, err := domain.Decode(want.Type, want.Data)
			if err != nil || e == nil {
				t.Fatalf("decoded to %v, %v", e, err)
			}
			got, err := domain.Encode(e)
			if err != nil || e.EventType() != want.ReadAs.Type || domain.Current(want.Type) != want.ReadAs.Type {
				t.Errorf("read as %s, want %s, %v", e.EventType(), want.ReadAs.Type, err)
			}
			if diff := cmp.Diff(compact(t, want.ReadAs.Data), string(got)); diff != "" {
				t.Errorf("(-frozen +now):\n%s", diff)
			}
		})
	}
	for _, living := range domain.EventTypes {
		for _, old := range domain.WireNames(living)[1:] {
			if !slices.Contains(seen, old) {
				t.Errorf("%s retired without a golden file in testdata/retired", old)
			}
			if slices.Contains(domain.EventTypes, old) {
				t.Errorf("%s is retired and yet written", old)
			}
		}
	}
}

func compact(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestNamesOfARetiredShape(t *testing.T) {
	retireSpecimens(t)
	want := []string{"run.connection_lost", "run.dropped", "run.dropped.v2"}
	if got := domain.WireNames("run.connection_lost"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, want := range map[string]string{
		"run.dropped": "run.connection_lost", "run.dropped.v2": "run.connection_lost",
		"run.started": "run.started", "run.teleported": "run.teleported",
	} {
		if got := domain.Current(name); got != want {
			t.Errorf("%s is handled as %s, want %s", name, got, want)
		}
	}
	if got := domain.WireNames("run.started"); !slices.Equal(got, []string{"run.started"}) {
		t.Errorf("run.started has the names %v", got)
	}
}

func TestWhatCannotBeUpcastIsAnError(t *testing.T) {
	retireSpecimens(t)
	for _, data := range []string{``, `{`, `[]`, `{"run_id":"no"}`} {
		if e, err := domain.Decode("run.dropped", []byte(data)); err == nil || !strings.Contains(err.Error(), "event run.") {
			t.Errorf("%q was decoded to %v, %v", data, e, err)
		}
	}
	refused := errors.New("no")
	t.Cleanup(domain.Retire("run.gone", "run.completed", func([]byte) ([]byte, error) { return nil, refused }))
	if _, err := domain.Decode("run.gone", []byte(`{}`)); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

// A shape may retire into one that only a newer program knows.
func TestASuccessorThatIsUnknownIsPassedOver(t *testing.T) {
	t.Cleanup(domain.Retire("run.gone", "run.teleported", func(old []byte) ([]byte, error) { return old, nil }))
	if e, err := domain.Decode("run.gone", []byte(`{}`)); e != nil || err != nil {
		t.Errorf("got %v, %v; want nothing", e, err)
	}
}
