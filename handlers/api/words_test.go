package api_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"scrapelog/domain"
	"scrapelog/domain/domaintest"
)

// TestTheDescriptionHasTheWordsOfTheDomain holds the description's lists of values
// against the constants of the domain.
func TestTheDescriptionHasTheWordsOfTheDomain(t *testing.T) {
	d := readDocument(t)
	schemas := map[string][]string{
		"RunStatus":   {"RunStatus"},
		"Trigger":     {"Trigger"},
		"Link":        {"Link"},
		"Cause":       {"Cause"},
		"Phase":       {"Run", "properties", "phase"},
		"Role":        {"Role"},
		"FailureCode": {"Run", "properties", "code"},
		"Source":      {"Scraper", "properties", "source"},
	}
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for kind, values := range domaintest.Words(t) {
		path, listed := schemas[kind]
		if !listed { // in payloads of events only, which have no schema
			for _, value := range values {
				if !strings.Contains(string(text), "`"+value+"`") {
					t.Errorf("the description of an event's data does not name %s %q", kind, value)
				}
			}
			continue
		}
		delete(schemas, kind)
		if got := d.strings(slices.Concat([]string{"components", "schemas"}, path, []string{"enum"})...); !slices.Equal(got, values) {
			t.Errorf("%s is described as %q, want %q", kind, got, values)
		}
	}
	for kind := range schemas {
		t.Errorf("the domain has no constants of %s", kind)
	}
	events := domain.AllEventTypes
	if got := d.strings("components", "schemas", "EventType", "examples"); !slices.Equal(got, events) {
		t.Errorf("the event types are described as %q, want %q", got, events)
	}
}

// strings returns the list of strings at a path of the document.
func (d document) strings(path ...string) []string {
	list, _ := d.at(any(d.root), path...).([]any)
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = fmt.Sprint(item)
	}
	return texts
}
