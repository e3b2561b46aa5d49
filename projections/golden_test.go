package projections

import (
	"bytes"
	"encoding/json"
	flags "flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

var golden = flags.Bool("golden", false, "write testdata/*.golden again")

// TestAnotherFoldIsAnotherVersion holds the tables and the rows that follow from the
// domain's golden events. A database that was built by the same version keeps its rows.
func TestAnotherFoldIsAnotherVersion(t *testing.T) {
	for _, p := range All() {
		t.Run(p.name, func(t *testing.T) {
			got := p.described(t)
			path := filepath.Join("testdata", p.name+".golden")
			old, err := os.ReadFile(path)
			if err != nil && !*golden {
				t.Fatalf("%v (a new projection needs its golden file: go test ./projections -golden)", err)
			}
			want := strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
			for _, line := range slices.Concat(want, got) {
				ofNewEvent := strings.Contains(line, ": ") && !slices.Contains(want, line)
				if want[0] == got[0] && !ofNewEvent && (!slices.Contains(got, line) || !slices.Contains(want, line)) {
					t.Fatalf("%s has changed; raise its version. It is about:\n%s", got[0], line)
				}
			}
			if *golden {
				if err := os.WriteFile(path, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("go test ./projections -golden writes the file again (-file +now):\n%s", diff)
			}
		})
	}
}

// described lists the version of a projection, its tables, and what each golden event
// changes. Every column must get a value from one of them.
func (p Projection) described(t *testing.T) []string {
	t.Helper()
	lines := []string{fmt.Sprintf("%s, version %d", p.name, p.version)}
	unset := map[string]bool{}
	for _, table := range p.tables {
		lines = append(lines, strings.Split(table.create(place{}), "\n")...)
		for _, i := range table.indexes {
			lines = append(lines, table.index(place{}, i))
		}
		for _, column := range table.names() {
			unset[table.name+"."+column] = true
		}
	}
	shape := len(lines)
	for name, story := range stories(t) {
		m := p.after(t, story[:len(story)-1]...)
		for _, table := range m.Tables() {
			table.Watch(func(_ string, before, after Row) {
				was := make([]any, len(after.Values()))
				if before != nil {
					was = before.Values()
				}
				changes := name + ": " + table.Name()
				for i, column := range Columns(table.Name()) {
					if value := after.Values()[i]; value != was[i] {
						if value != nil && !reflect.ValueOf(value).IsZero() {
							delete(unset, table.Name()+"."+column)
						}
						changes += fmt.Sprintf(" %s=%v", column, value)
					}
				}
				lines = append(lines, changes)
			})
		}
		if err := m.Apply(t.Context(), payloadAt(len(story)), story[len(story)-1]); err != nil {
			t.Fatal(err)
		}
	}
	for column := range unset {
		t.Errorf("no event gives a value to %s", column)
	}
	slices.Sort(lines[shape:])
	return lines
}

// payloadAt is the payload of an event at a position, without its data.
func payloadAt(position int) eventstore.Payload {
	return eventstore.Payload{Position: int64(position), ID: uuid.UUID{15: byte(position)}}
}

func (p Projection) after(t *testing.T, story ...domain.Event) *Model {
	t.Helper()
	m := NewModel(p, nil)
	for i, e := range story {
		if err := m.Apply(t.Context(), payloadAt(i+1), e); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// stories returns each of the domain's golden events, by the name of its file, after
// those that lead to it.
func stories(t *testing.T) map[string][]domain.Event {
	t.Helper()
	paths, err := filepath.Glob("../domain/testdata/events/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden events: %v", err)
	}
	events, told := map[string]domain.Event{}, map[string][]domain.Event{}
	for _, path := range paths {
		events[strings.TrimSuffix(filepath.Base(path), ".json")] = goldenEvent(t, path)
	}
	configured, started, lost := events["scraper.configured"], events["run.started.manual"], events["run.connection_lost.scraper"]
	for name, e := range events {
		before := []domain.Event{configured, started}
		switch e := e.(type) {
		case domain.LogAccepted, domain.LogVerified, domain.LogRead, domain.UserEvent:
			continue // no projection is told of it
		case domain.ScraperConfigured:
			before = nil
		case domain.RunStarted:
			before = before[:1]
			if e.Recovers != uuid.Nil {
				before = append(before, started, lost)
			}
		case domain.ConnectionRestored:
			before = append(before, lost)
		case domain.ScraperResumed:
			before = append(before, events["scraper.paused"])
		}
		told[name] = append(slices.Clip(before), e)
	}
	return told
}

func goldenEvent(t *testing.T, path string) domain.Event {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var frozen struct {
		Type string
		Data json.RawMessage
	}
	var data bytes.Buffer
	if err := json.Unmarshal(text, &frozen); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&data, frozen.Data); err != nil {
		t.Fatal(err)
	}
	e, err := domain.Decode(frozen.Type, data.Bytes())
	if err != nil || e == nil {
		t.Fatalf("%s: %v, %v", path, e, err)
	}
	return e
}

// TestARowHasEveryFieldOfARun writes runs to their columns and reads them back.
func TestARowHasEveryFieldOfARun(t *testing.T) {
	unset := map[string]bool{}
	kind := reflect.TypeFor[Run]()
	for i := range kind.NumField() {
		unset[kind.Field(i).Name] = true
	}
	for name, story := range stories(t) {
		for _, run := range runProjection.after(t, story...).rows.(*runFold).runs.held {
			var read Run
			into := read.columns()
			for i, column := range run.columns() {
				value, err := column.Value()
				if err == nil {
					err = into[i].Scan(value)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(run, read); diff != "" {
				t.Errorf("after %s (-run +row):\n%s", name, diff)
			}
			for field := range unset {
				if !reflect.ValueOf(run).FieldByName(field).IsZero() {
					delete(unset, field)
				}
			}
		}
	}
	for field := range unset {
		t.Errorf("no event gives a value to %s", field)
	}
}
