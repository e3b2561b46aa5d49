package dial_test

import (
	"strings"
	"testing"

	"scrapelog/handlers/dial"
)

func TestCompletedIsRead(t *testing.T) {
	for data, want := range map[string]dial.Terminal{
		`{"items":0}`:                      {},
		`{"items":12,"more":"ignored"}`:    {Items: 12},
		`{}`:                               {},
		`{"items":null}`:                   {},
		`{"Items":12}`:                     {},
		`{"items":9223372036854775807}`:    {Items: 9223372036854775807},
		`{"items":20.0}`:                   {Items: 20},
		`{"items":1e3}`:                    {Items: 1000},
		`{"items":"20"}`:                   {Items: 20},
		`{"items":1,"note":"end of list"}`: {Items: 1, Note: "end of list"},
		`{"items":1,"note":null}`:          {Items: 1},
		`{"items":1,"note":{"pages": 3}}`:  {Items: 1, Note: `{"pages":3}`},
		`{"items":1,"note":["a", "b"]}`:    {Items: 1, Note: `["a","b"]`},
		`{"items":1,"note":{"message":"stopped at page 3"}}`: {Items: 1, Note: "stopped at page 3"},
	} {
		want.Completed = true
		if got, is := dial.ParseTerminal("completed", data); got != want || !is {
			t.Errorf("completed %s is read as %+v", data, got)
		}
	}
}

func TestCompletedThatBreaksTheContractKeepsWhatWasSaid(t *testing.T) {
	for data, want := range map[string]string{
		``:                              "it has no data",
		`null`:                          `is not {"items":N}; it said: null`,
		`[]`:                            `is not {"items":N}; it said: []`,
		`7`:                             `is not {"items":N}; it said: 7`,
		`done, 7 rows`:                  `is not {"items":N}; it said: done, 7 rows`,
		`{"items":7} x`:                 `it said: {"items":7} x`,
		`{"items":7.5}`:                 `items is not a whole number; it said: {"items":7.5}`,
		`{"items":-1,"why":"no pages"}`: `items is negative; it said: {"items":-1,"why":"no pages"}`,
		`{"items":[1]}`:                 `items is not a number`,
		`{"items":true}`:                `items is not a number`,
		`{"items":"many"}`:              `items is not a number`,
		`{"items":9223372036854775808}`: `items is more than 9223372036854775807`,
	} {
		got, is := dial.ParseTerminal("completed", data)
		if got.Completed || !is || !strings.Contains(got.Broken, want) {
			t.Errorf("completed %s is read as %+v, want %q", data, got, want)
		}
	}
}

func TestFailedIsRead(t *testing.T) {
	for data, want := range map[string]string{
		`{"error":"no"}`: "no",
		`{}`:             "",
		`{"error":null}`: "",
		`{"error":""}`:   "",
		`{"error":{"message":"no such page","code":404}}`:  "no such page",
		`{"error":{"error":"no such page"}}`:               "no such page",
		`{"error":{"detail":"no such page"}}`:              "no such page",
		`{"error":{"message":"","detail":"no such page"}}`: "no such page",
		`{"error":{"message":{"deep":1}}}`:                 `{"message":{"deep":1}}`,
		`{"error":{"code": 1}}`:                            `{"code":1}`,
		`{"error":["a",  "b"]}`:                            `["a","b"]`,
		`{"error":503}`:                                    "503",
		`{"error":false}`:                                  "false",
		`{"message":"no such page"}`:                       "no such page",
	} {
		if got, is := dial.ParseTerminal("failed", data); got != (dial.Terminal{Reason: want}) || !is {
			t.Errorf("failed %s is read as %+v, want %q", data, got, want)
		}
	}
	for _, data := range []string{``, `"no"`, `no`, `null`, `{"error":"no"`} {
		got, is := dial.ParseTerminal("failed", data)
		if got.Broken == "" || !is || !strings.Contains(got.Broken, data) {
			t.Errorf("failed %s is read as %+v", data, got)
		}
	}
}

func TestOnlyTheContractsWordsAreTerminal(t *testing.T) {
	for _, name := range []string{"", "message", "Completed", "completed ", " completed", "FAILED", "complete", "done", "progress", "beat"} {
		if got, is := dial.ParseTerminal(name, `{"items":1}`); is {
			t.Errorf("%q is read as %+v", name, got)
		}
	}
}
